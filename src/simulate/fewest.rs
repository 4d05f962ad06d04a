//! The fewest facts that would settle what is not settled.

use super::decision::Missing;

/// The most branches that are compared pair by pair; beyond it, everything that was asked is named.
pub(super) const MAX_COMPARED: usize = 256;

/// The fewest of `items` that tell apart each of `pairs`: one if one does, else two, else no fewer
/// than needed, though perhaps not the fewest. A pair that not even all of them tell apart is left
/// out; where none remains, all items are named.
pub(super) fn fewest<T>(
    items: &[Missing],
    mut pairs: Vec<(&T, &T)>,
    tells_apart: impl Fn(&Missing, &T, &T) -> bool,
) -> Vec<Missing> {
    pairs.retain(|(a, b)| items.iter().any(|item| tells_apart(item, a, b)));
    if pairs.is_empty() {
        return items.to_vec();
    }
    let settles = |chosen: &[&Missing]| {
        pairs.iter().all(|(a, b)| chosen.iter().any(|item| tells_apart(item, a, b)))
    };
    if let Some(one) = items.iter().find(|item| settles(&[item])) {
        return vec![one.clone()];
    }
    for (index, a) in items.iter().enumerate() {
        if let Some(b) = items.iter().skip(index + 1).find(|b| settles(&[a, b])) {
            return vec![a.clone(), b.clone()];
        }
    }
    let mut needed: Vec<&Missing> = items.iter().collect();
    for item in items {
        let without: Vec<&Missing> =
            needed.iter().copied().filter(|other| *other != item).collect();
        if settles(&without) {
            needed = without;
        }
    }
    needed.into_iter().cloned().collect()
}

/// The pairs of `list` that `differ`.
pub(super) fn differing<T>(list: &[T], differ: impl Fn(&T, &T) -> bool) -> Vec<(&T, &T)> {
    let mut pairs = Vec::new();
    for (index, a) in list.iter().enumerate() {
        pairs.extend(list.iter().skip(index + 1).filter(|b| differ(a, b)).map(|b| (a, b)));
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::Atom;

    /// Items and branches by number: an item tells branches apart that differ in its bit.
    fn check(items: u8, differing: &[(u8, u8)], expected: &[u8]) {
        let item = |bit: u8| Missing::Atom(Atom::Named { name: bit.to_string() });
        let tells_apart = |missing: &Missing, a: &u8, b: &u8| {
            let bit = missing.to_string().parse::<u8>().unwrap();
            (a ^ b) >> bit & 1 == 1
        };
        let items: Vec<Missing> = (0..items).map(item).collect();
        let pairs = differing.iter().map(|(a, b)| (a, b)).collect();
        let found = fewest(&items, pairs, tells_apart);
        assert_eq!(found, expected.iter().map(|bit| item(*bit)).collect::<Vec<_>>());
    }

    #[test]
    fn one_is_enough_where_one_tells_all_apart() {
        check(3, &[(0b000, 0b110), (0b001, 0b101)], &[2]);
    }

    #[test]
    fn two_are_named_where_no_one_does() {
        check(4, &[(0b0000, 0b1000), (0b0000, 0b0100)], &[2, 3]);
    }

    #[test]
    fn beyond_two_none_is_named_in_vain() {
        check(5, &[(0, 1), (0, 2), (0, 4), (0, 0b11000)], &[0, 1, 2, 4]);
    }

    #[test]
    fn what_nothing_tells_apart_is_left_out() {
        check(2, &[(0b00, 0b01), (0b000, 0b100)], &[0]);
        check(2, &[(0b000, 0b100)], &[0, 1]);
    }
}
