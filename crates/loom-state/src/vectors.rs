//! What entries mean, as vectors of the user's own embedding model. They are made from the entries and
//! can be made again, so no event holds them; and they only ever add to what words have found
//! ([`merge`]).

use crate::{MemoryQuery, MemoryRow};
use loom_events::MemoryEntry;
use std::collections::HashSet;

/// Most numbers of a vector that is taken: models have some hundreds to a few thousand.
const MAX_DIMENSIONS: usize = 8_192;

/// Newest entries, of all tasks, that have vectors. All of them are looked at for one search, which takes
/// some ten milliseconds for so many.
pub const VECTORS: u64 = 20_000;

/// A direction: finite numbers, of which the squares add up to one.
#[derive(Clone, Debug, PartialEq)]
pub struct Vector(Vec<f32>);

impl Vector {
    /// From what a model answered; none where that has no direction: no numbers or too many, one that is
    /// none, or nothing but zeros.
    #[must_use]
    pub fn new(raw: &[f32]) -> Option<Self> {
        let length = raw
            .iter()
            .map(|x| f64::from(*x).powi(2))
            .sum::<f64>()
            .sqrt();
        let usable =
            (1..=MAX_DIMENSIONS).contains(&raw.len()) && length.is_finite() && length > 0.0;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "between -1 and 1, seven digits are enough"
        )]
        let part = |x: &f32| (f64::from(*x) / length) as f32;
        usable.then(|| Self(raw.iter().map(part).collect()))
    }

    /// How many numbers it has.
    #[must_use]
    pub const fn dimensions(&self) -> usize {
        self.0.len()
    }

    /// How close another one is, from -1 to 1; none where it has another number of dimensions, which
    /// nothing can be compared with.
    #[must_use]
    pub fn closeness(&self, other: &Self) -> Option<f32> {
        (self.0.len() == other.0.len()).then(|| dot(&self.0, other.0.iter().copied()))
    }

    /// The same with one that is stored.
    pub(crate) fn closeness_to_stored(&self, bytes: &[u8]) -> Option<f32> {
        let (numbers, rest) = bytes.as_chunks::<4>();
        let fits = rest.is_empty() && numbers.len() == self.0.len();
        fits.then(|| {
            dot(
                &self.0,
                numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)),
            )
        })
    }

    /// As it is stored.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(|x| x.to_le_bytes()).collect()
    }
}

fn dot(one: &[f32], other: impl Iterator<Item = f32>) -> f32 {
    // Several sums, so that the processor need not wait for one addition to begin the next.
    let mut sums = [0.0_f32; 8];
    for (at, (a, b)) in one.iter().zip(other).enumerate() {
        sums[at % 8] += a * b;
    }
    sums.iter().sum()
}

/// An entry without a vector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unembedded {
    /// What names it in [`NewVector`].
    pub number: u64,
    /// What it says.
    pub entry: MemoryEntry,
}

/// The vector of an entry.
#[derive(Clone, Debug, PartialEq)]
pub struct NewVector {
    /// The entry, as [`Unembedded`] named it.
    pub number: u64,
    /// Its vector.
    pub vector: Vector,
}

/// Entries that mean the like.
#[derive(Clone, Debug, PartialEq)]
pub struct SimilarQuery {
    /// The model that made the vector. What another one made is not comparable, and not found.
    pub model: String,
    /// What is sought.
    pub vector: Vector,
    /// How close an entry must be, from -1 to 1.
    pub least: f32,
    /// What must hold beside that, and how many are given; its text does not count.
    pub within: MemoryQuery,
}

/// What words found, with what vectors found added behind it: nothing that words found is lost or comes
/// later. At most so many are added, and none that is there.
#[must_use]
pub fn merge(found: Vec<MemoryRow>, similar: Vec<MemoryRow>, more: usize) -> Vec<MemoryRow> {
    let mut there: HashSet<u64> = found.iter().map(|row| row.id).collect();
    let added = similar
        .into_iter()
        .filter(|row| there.insert(row.id))
        .take(more);
    let added: Vec<MemoryRow> = added.collect();
    found.into_iter().chain(added).collect()
}

/// The closest first, the newest among equals, and none that is too far.
pub(crate) fn closest(mut scored: Vec<(f32, i64)>, least: f32, most: usize) -> Vec<i64> {
    scored.retain(|(closeness, _)| *closeness >= least);
    scored.sort_by(|(a, one), (b, other)| b.total_cmp(a).then(other.cmp(one)));
    let numbers = scored.into_iter().map(|(_, number)| number);
    numbers.take(most).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{entry, task};
    use loom_events::{MemoryKind, Seq, Time};
    use proptest::prelude::*;

    fn row(id: u64) -> MemoryRow {
        MemoryRow {
            id,
            task: task(1),
            seq: Seq(id),
            at: Time::EPOCH,
            entry: entry(MemoryKind::Context, "x", &[]),
            seen: 1,
            last: Time::EPOCH,
            about: None,
        }
    }

    #[test]
    fn a_vector_has_a_direction_or_is_none() {
        let nothing: [&[f32]; 6] = [
            &[],
            &[0.0, 0.0],
            &[f32::NAN, 1.0],
            &[f32::INFINITY],
            &[f32::NEG_INFINITY, 1.0],
            &[1.0; MAX_DIMENSIONS + 1],
        ];
        for raw in nothing {
            assert_eq!(Vector::new(raw), None);
        }
        // Numbers whose squares are beyond what a number of theirs can be.
        for large in [f32::MAX, f32::MIN_POSITIVE] {
            let vector = Vector::new(&[large, large]).unwrap();
            let closeness = vector.closeness(&vector).unwrap();
            assert!((closeness - 1.0).abs() < 1e-6, "{large}: {closeness}");
        }
    }

    #[test]
    fn closeness_is_that_of_directions_and_stored_ones_are_the_same() {
        let vector = |raw: &[f32]| Vector::new(raw).unwrap();
        let (east, north) = (vector(&[2.0, 0.0]), vector(&[0.0, 9.0]));
        assert_eq!(east.closeness(&vector(&[5.0, 0.0])), Some(1.0));
        assert_eq!(east.closeness(&north), Some(0.0));
        assert_eq!(east.closeness(&vector(&[-1.0, 0.0])), Some(-1.0));
        assert_eq!(east.closeness(&vector(&[1.0])), None);
        let many: Vec<f32> = (0_u8..100).map(|n| f32::from(n).sin()).collect();
        let many = vector(&many);
        assert_eq!(
            many.closeness_to_stored(&many.to_bytes()),
            many.closeness(&many)
        );
        for damaged in [&many.to_bytes()[..399], &many.to_bytes()[..396], &[]] {
            assert_eq!(many.closeness_to_stored(damaged), None);
        }
    }

    proptest! {
        #[test]
        fn what_words_found_is_never_lost_or_moved_behind_what_vectors_found(
            found in prop::collection::hash_set(0_u64..50, 0..20),
            similar in prop::collection::vec(0_u64..50, 0..20),
            more in 0_usize..10,
        ) {
            let found: Vec<u64> = found.into_iter().collect();
            let rows = |ids: &[u64]| ids.iter().map(|id| row(*id)).collect();
            let merged = merge(rows(&found), rows(&similar), more);
            let ids: Vec<u64> = merged.iter().map(|row| row.id).collect();
            prop_assert_eq!(&ids[..found.len()], &found[..]);
            let added = &ids[found.len()..];
            prop_assert!(added.len() <= more);
            let mut once = ids.clone();
            once.sort_unstable();
            once.dedup();
            prop_assert_eq!(once.len(), ids.len());
            // In the order of the vectors, and none is left out while there is room.
            let mut places = added.iter().map(|id| similar.iter().position(|other| other == id));
            let mut last = None;
            prop_assert!(places.all(|place| std::mem::replace(&mut last, place) < place));
            let new: HashSet<u64> = similar.iter().filter(|id| !found.contains(id)).copied().collect();
            prop_assert_eq!(added.len(), new.len().min(more));
        }
    }
}
