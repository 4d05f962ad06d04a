//! Which known name was probably meant.

/// The longest word for which a likeness is sought; a longer one is no slip of the hand.
const MAX_COMPARED: usize = 64;

/// The candidate that is nearest to `wanted`, if it is near enough for a slip of the hand: one
/// change in three letters, case aside. Of equally near ones the first in the alphabet.
pub fn nearest<'a>(wanted: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = wanted.to_ascii_lowercase();
    let most = (wanted.chars().count() / 3).max(1);
    candidates
        .filter(|candidate| candidate.len() <= MAX_COMPARED && wanted.len() <= MAX_COMPARED)
        .map(|candidate| {
            let changes = strsim::levenshtein(&wanted, &candidate.to_ascii_lowercase());
            (changes, candidate)
        })
        .filter(|(changes, _)| (1..=most).contains(changes))
        .min()
        .map(|(_, candidate)| candidate)
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
}
