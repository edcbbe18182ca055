//! The control question: a criterion that is known to be false. A verifier that says `met` to it
//! agrees with everything, and its verdict is void.

use loom_prompts::Block;

/// A criterion that the material does not meet, different for each attempt.
pub(crate) fn control(seed: u64, material: &[Block]) -> String {
    let number = 1_000 + mix(seed) % 9_000;
    let variants = [
        format!("The change adds a command line option called --probe-{number}."),
        format!("The change adds a file called checklist-{number}.txt."),
        format!("The result contains the text \"section {number} of the appendix\"."),
    ];
    let start = usize::try_from(mix(seed ^ 1) % 3).unwrap_or(0);
    let needle = number.to_string();
    let text = variants[start].clone();
    // The number itself in the material would make the answer a matter of opinion.
    if material.iter().any(|block| block.text.contains(&needle)) {
        return text.replace(&needle, &format!("{needle}-x{}", mix(seed ^ 2) % 90_000));
    }
    text
}

/// An order of `len` things that depends on the seed alone.
pub(crate) fn order(seed: u64, len: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..len).collect();
    for last in (1..len).rev() {
        let at = mix(seed.wrapping_add(last as u64)) % (last as u64 + 1);
        order.swap(last, usize::try_from(at).unwrap_or(0));
    }
    order
}

/// splitmix64: every bit of the result depends on every bit of the seed.
const fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_has_everything_once_and_depends_on_the_seed() {
        let mut orders = Vec::new();
        for seed in 0..20 {
            let order = order(seed, 6);
            let mut sorted = order.clone();
            sorted.sort_unstable();
            assert_eq!(sorted, [0, 1, 2, 3, 4, 5]);
            orders.push(order);
        }
        orders.dedup();
        assert!(orders.len() > 10);
        assert_eq!(order(7, 6), orders_of(7));
    }

    fn orders_of(seed: u64) -> Vec<usize> {
        order(seed, 6)
    }

    #[test]
    fn the_control_question_is_never_about_something_in_the_material() {
        for seed in 0..200 {
            let number = 1_000 + mix(seed) % 9_000;
            let block = Block {
                label: "D1".to_owned(),
                title: String::new(),
                text: format!("checklist-{number}.txt --probe-{number}"),
            };
            let text = control(seed, std::slice::from_ref(&block));
            let named = text
                .split([' ', '"'])
                .find(|word| word.contains(&number.to_string()));
            assert!(
                named.is_none_or(|word| !block.text.contains(word.trim_end_matches('.'))),
                "{text}"
            );
        }
    }
}
