//! Which known name was probably meant.

/// The longest word for which a likeness is sought; a longer one is no slip of the hand.
const MAX_COMPARED: usize = 64;

/// The candidate that is nearest to `wanted`, if it is near enough for a slip of the hand: one
/// change in three letters. Of equally near ones the first in the alphabet.
pub(super) fn nearest<'a>(
    wanted: &str,
    candidates: impl Iterator<Item = &'a str>,
) -> Option<&'a str> {
    let most = (wanted.chars().count() / 3).max(1);
    candidates
        .filter(|candidate| candidate.len() <= MAX_COMPARED && wanted.len() <= MAX_COMPARED)
        .map(|candidate| (distance(wanted, candidate), candidate))
        .filter(|(changes, _)| (1..=most).contains(changes))
        .min()
        .map(|(_, candidate)| candidate)
}

/// How many letters must be added, dropped or changed (Levenshtein), case aside.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().map(|c| c.to_ascii_lowercase()).collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (index, from) in from.chars().map(|c| c.to_ascii_lowercase()).enumerate() {
        let mut diagonal = index;
        let mut left = index + 1;
        let mut next = vec![left];
        for (above, to) in row.iter().skip(1).zip(&to) {
            let changed = diagonal + usize::from(from != *to);
            left = changed.min(above + 1).min(left + 1);
            diagonal = *above;
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_found_and_another_word_is_not() {
        let known = ["system", "apps", "endpoints"];
        assert_eq!(nearest("sistem", known.into_iter()), Some("system"));
        assert_eq!(nearest("endpoint", known.into_iter()), Some("endpoints"));
        assert_eq!(nearest("app", known.into_iter()), Some("apps"));
        assert_eq!(nearest("nodes", known.into_iter()), None);
    }

    #[test]
    fn the_distance_counts_changes() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", "abc"), 0);
    }
}
