//! Where the parts of a JSON text stand, and whether a key is repeated.
//!
//! `serde_json` keeps neither: of two equal keys in a map it drops the first, silently.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::ops::Range;

use crate::azure::document::Step;

/// A value nested deeper than this is refused. `exeat.deployment/1` needs 11 levels.
pub(super) const MAX_DEPTH: usize = 32;

/// Why a text could not be walked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Fault {
    /// It is no JSON from this byte on.
    Malformed(usize),
    /// A value at this byte is nested too deep.
    TooDeep(usize),
}

/// A key of an object that stood in it before.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Repeated {
    /// The way to it.
    pub(super) path: Vec<Step>,
    /// The byte at which it stands for the second time.
    pub(super) at: usize,
}

/// The keys that are repeated, in the order of the text, at most `limit`.
pub(super) fn repeated_keys(text: &str, limit: usize) -> Result<Vec<Repeated>, Fault> {
    let mut walk = Walk { limit, ..Walk::new(text, |_, _| {}) };
    walk.document()?;
    Ok(walk.repeated)
}

/// The innermost value around the byte `at`, with the key before it: the way to it and its bytes.
pub(super) fn around(text: &str, at: usize) -> Option<(Vec<Step>, Range<usize>)> {
    let mut found = None;
    let mut walk = Walk::new(text, |path, bytes| {
        // Inner values end before outer ones and so come first.
        if found.is_none() && bytes.contains(&at) {
            found = Some((path.to_vec(), bytes));
        }
    });
    walk.document().ok()?;
    found
}

/// The bytes at which the values at `paths` begin, their keys included; for a value that is not
/// there, those of the nearest one around it.
pub(super) fn locate(text: &str, paths: &[&[Step]]) -> Vec<usize> {
    let wanted = paths.iter().flat_map(|path| prefixes(path));
    let mut found: BTreeMap<&[Step], Option<usize>> = wanted.map(|path| (path, None)).collect();
    let mut walk = Walk::new(text, |path, bytes| {
        if let Some(place) = found.get_mut(path) {
            *place = Some(bytes.start);
        }
    });
    // What was found before a fault stands.
    let _faulty = walk.document().is_err();
    let nearest = |path: &&[Step]| {
        prefixes(path).find_map(|prefix| found.get(prefix).copied().flatten()).unwrap_or(0)
    };
    paths.iter().map(nearest).collect()
}

/// `path` and the ways to the values around it, the longest first.
fn prefixes(path: &[Step]) -> impl Iterator<Item = &[Step]> {
    (0..=path.len()).rev().filter_map(|length| path.get(..length))
}

/// A walk over a text; `visit` is handed the path and bytes of each value as it ends.
struct Walk<'t, V> {
    text: &'t str,
    at: usize,
    path: Vec<Step>,
    repeated: Vec<Repeated>,
    /// How many repeated keys are kept.
    limit: usize,
    visit: V,
}

impl<'t, V: FnMut(&[Step], Range<usize>)> Walk<'t, V> {
    fn new(text: &'t str, visit: V) -> Walk<'t, V> {
        Walk { text, at: 0, path: Vec::new(), repeated: Vec::new(), limit: 0, visit }
    }

    fn document(&mut self) -> Result<(), Fault> {
        self.skip_space();
        self.value(self.at)?;
        self.skip_space();
        if self.at == self.text.len() { Ok(()) } else { Err(Fault::Malformed(self.at)) }
    }

    /// A value; `start` is where its key stands, or else the value.
    fn value(&mut self, start: usize) -> Result<(), Fault> {
        if self.path.len() > MAX_DEPTH {
            return Err(Fault::TooDeep(self.at));
        }
        match self.peek() {
            Some(b'{') => self.object()?,
            Some(b'[') => self.array()?,
            Some(b'"') => {
                self.string()?;
            }
            Some(_) => self.scalar()?,
            None => return Err(Fault::Malformed(self.at)),
        }
        (self.visit)(&self.path, start..self.at);
        Ok(())
    }

    fn object(&mut self) -> Result<(), Fault> {
        let mut seen = BTreeSet::new();
        self.at += 1;
        self.skip_space();
        if self.eat(b'}') {
            return Ok(());
        }
        loop {
            let start = self.at;
            let key = self.string()?;
            let repeated = !seen.insert(key.clone());
            self.path.push(Step::Key(key));
            if repeated && self.repeated.len() < self.limit {
                self.repeated.push(Repeated { path: self.path.clone(), at: start });
            }
            self.skip_space();
            self.expect(b':')?;
            self.skip_space();
            self.value(start)?;
            self.path.pop();
            self.skip_space();
            if !self.eat(b',') {
                return self.expect(b'}');
            }
            self.skip_space();
        }
    }

    fn array(&mut self) -> Result<(), Fault> {
        self.at += 1;
        self.skip_space();
        if self.eat(b']') {
            return Ok(());
        }
        for index in 0.. {
            self.path.push(Step::Index(index));
            self.value(self.at)?;
            self.path.pop();
            self.skip_space();
            if !self.eat(b',') {
                break;
            }
            self.skip_space();
        }
        self.expect(b']')
    }

    /// A string with its quotes; escapes are left to `serde_json`.
    fn string(&mut self) -> Result<String, Fault> {
        let start = self.at;
        self.expect(b'"')?;
        loop {
            match self.peek() {
                None => return Err(Fault::Malformed(start)),
                Some(b'\\') => self.at += 2,
                Some(b'"') => break,
                Some(_) => self.at += 1,
            }
        }
        self.at += 1;
        let quoted = self.text.get(start..self.at).ok_or(Fault::Malformed(start))?;
        serde_json::from_str(quoted).map_err(|_| Fault::Malformed(start))
    }

    /// A number or word, up to what ends it.
    fn scalar(&mut self) -> Result<(), Fault> {
        let start = self.at;
        let inside = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
        while self.peek().is_some_and(inside) {
            self.at += 1;
        }
        if self.at == start { Err(Fault::Malformed(start)) } else { Ok(()) }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn eat(&mut self, byte: u8) -> bool {
        let here = self.peek() == Some(byte);
        self.at += usize::from(here);
        here
    }

    fn expect(&mut self, byte: u8) -> Result<(), Fault> {
        if self.eat(byte) { Ok(()) } else { Err(Fault::Malformed(self.at)) }
    }

    fn skip_space(&mut self) {
        while self.peek().is_some_and(|byte| b" \t\r\n".contains(&byte)) {
            self.at += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_keys_are_found_whatever_their_escapes() {
        let text = r#"{"a":1,"b":[{"c":1,"\u0063":2}],"a":2}"#;
        let found = repeated_keys(text, 10).unwrap();
        let at: Vec<usize> = found.iter().map(|repeated| repeated.at).collect();
        assert_eq!(at, [19, 32]);
        assert_eq!(repeated_keys(text, 1).unwrap().len(), 1);
    }

    #[test]
    fn deep_and_broken_texts_end_the_walk() {
        assert_eq!(repeated_keys(&"[".repeat(100), 10), Err(Fault::TooDeep(MAX_DEPTH + 1)));
        for text in ["", "{", "[1", "\"a", "\"\\", "{\"a\"}", "[1] 2", "[,]", "{\"é\\"] {
            assert!(matches!(repeated_keys(text, 10), Err(Fault::Malformed(_))), "{text}");
        }
    }

    #[test]
    fn a_value_that_is_not_there_is_located_at_the_one_around_it() {
        let text = r#"{"a": {"b": [10, 20]}}"#;
        let there = [Step::from("a"), Step::from("b"), Step::from(1)];
        let missing = [Step::from("a"), Step::from("x"), Step::from("y")];
        assert_eq!(locate(text, &[&there, &missing]), [17, 1]);
    }
}
