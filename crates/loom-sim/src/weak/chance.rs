//! Draws: a hash of everything that they depend on, and nothing else.

/// A draw in the making. Each `with` adds something that it depends on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(mix(seed))
    }

    pub(crate) const fn with(self, number: u64) -> Self {
        Self(mix(self.0 ^ mix(number)))
    }

    pub(crate) fn about(self, words: &str) -> Self {
        self.with(hash(words))
    }

    /// Evenly between 0 and 1, neither included.
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit exactly")]
    pub(crate) fn unit(self) -> f64 {
        ((mix(self.0) >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }

    pub(crate) fn hit(self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// Evenly among so many; 0 of none.
    pub(crate) fn below(self, count: usize) -> usize {
        let count = u64::try_from(count).unwrap_or(1).max(1);
        usize::try_from(mix(self.0) % count).unwrap_or(0)
    }

    /// From the normal distribution.
    pub(crate) fn normal(self) -> f64 {
        quantile(self.unit())
    }

    /// A whole number whose mean is the given one: the part behind the point decides by chance.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "means are small and positive"
    )]
    pub(crate) fn around(self, mean: f64) -> usize {
        mean.floor() as usize + usize::from(self.hit(mean.fract()))
    }
}

/// FNV-1a: the same in any year and on any machine.
pub(crate) fn hash(words: &str) -> u64 {
    words.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// splitmix64: every bit of the result depends on every bit of the number.
const fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The logistic function.
pub(crate) fn logistic(logit: f64) -> f64 {
    1.0 / (1.0 + (-logit).exp())
}

/// The inverse of the normal distribution, by Acklam's rational approximation (error below 2e-9).
pub(crate) fn quantile(p: f64) -> f64 {
    const A: [f64; 6] = [
        -39.696_830_286_653_76,
        220.946_098_424_520_5,
        -275.928_510_446_968_7,
        138.357_751_867_269,
        -30.664_798_066_147_16,
        2.506_628_277_459_239,
    ];
    const B: [f64; 6] = [
        -54.476_098_798_224_06,
        161.585_836_858_040_9,
        -155.698_979_859_886_6,
        66.801_311_887_719_72,
        -13.280_681_552_885_72,
        1.0,
    ];
    const C: [f64; 6] = [
        -0.007_784_894_002_430_293,
        -0.322_396_458_041_136_5,
        -2.400_758_277_161_838,
        -2.549_732_539_343_734,
        4.374_664_141_464_968,
        2.938_163_982_698_783,
    ];
    const D: [f64; 5] = [
        0.007_784_695_709_041_462,
        0.322_467_129_070_039_8,
        2.445_134_137_142_996,
        3.754_408_661_907_416,
        1.0,
    ];
    let poly = |c: &[f64], x: f64| c.iter().fold(0.0, |sum, c| sum * x + c);
    let tail = |q: f64| {
        let r = (-2.0 * q.ln()).sqrt();
        poly(&C, r) / poly(&D, r)
    };
    let p = p.clamp(1e-12, 1.0 - 1e-12);
    if p < 0.024_25 {
        tail(p)
    } else if p > 0.975_75 {
        -tail(1.0 - p)
    } else {
        let q = p - 0.5;
        q * poly(&A, q * q) / poly(&B, q * q)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_even_and_depend_on_everything_given() {
        let base = Chance::new(1).about("a");
        let mean: f64 = (0..10_000).map(|n| base.with(n).unit()).sum::<f64>() / 10_000.0;
        assert!((mean - 0.5).abs() < 0.01, "{mean}");
        assert!(base.unit() != Chance::new(2).about("a").unit());
        assert!(base.unit() != Chance::new(1).about("b").unit());
        assert_eq!(base.unit(), Chance::new(1).about("a").unit());
    }

    #[test]
    fn normal_draws_have_the_mean_and_the_spread_of_the_normal_distribution() {
        let base = Chance::new(3);
        let draws: Vec<f64> = (0..20_000).map(|n| base.with(n).normal()).collect();
        let mean = draws.iter().sum::<f64>() / 20_000.0;
        let spread = draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 20_000.0;
        assert!(mean.abs() < 0.03 && (spread - 1.0).abs() < 0.04);
        assert!((quantile(0.975) - 1.959_964).abs() < 1e-5);
        assert!((quantile(0.01) + 2.326_348).abs() < 1e-5);
    }

    #[test]
    fn whole_numbers_around_a_mean_have_that_mean() {
        let base = Chance::new(4);
        let sum: usize = (0..10_000).map(|n| base.with(n).around(4.5)).sum();
        assert!((44_000..46_000).contains(&sum), "{sum}");
    }
}
