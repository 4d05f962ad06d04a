//! Sets of rules by their numbers, many of which are small and many of which are equal.

use foldhash::HashMap;
use foldhash::HashMapExt;

/// Rules that one word of 64 bits tells of.
const PER_WORD: usize = 64;
/// Rules that one mark tells of: it has a bit for each of 64 words.
const PER_MARK: usize = 64 * PER_WORD;
/// The most words that the sets of one dimension take, 32 MB: twenty thousand classes with a few
/// hundred rules each take a quarter of it. Beyond it, a set stands for all rules.
const MAX_WORDS: usize = 1 << 22;

/// Numbers of rules, one bit each.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Bits(Vec<u64>);

impl Bits {
    /// None of so many rules.
    pub(super) fn none(rules: usize) -> Bits {
        Bits(vec![0; rules.div_ceil(PER_WORD)])
    }

    pub(super) fn insert(&mut self, rule: usize) {
        if let Some(word) = self.0.get_mut(rule / PER_WORD) {
            *word |= 1 << (rule % PER_WORD);
        }
    }

    /// The number of the set, where it has one rule at most.
    fn few(&self) -> Option<u32> {
        let mut words = self.0.iter().enumerate().filter(|(_, word)| **word != 0);
        let Some((number, word)) = words.next() else { return Some(NONE) };
        let rule = number * PER_WORD + word.trailing_zeros() as usize;
        let is_alone = word.is_power_of_two() && words.next().is_none();
        let rule = u32::try_from(rule).ok().filter(|rule| is_alone && *rule < NONE - ONE)?;
        Some(ONE | rule)
    }

    pub(super) fn remove(&mut self, rule: usize) {
        if let Some(word) = self.0.get_mut(rule / PER_WORD) {
            *word &= !(1 << (rule % PER_WORD));
        }
    }
}

/// Sets of the rules of one list, each kept once.
///
/// The number of a set of one rule or of none tells that, and nothing more is kept of it. Any other
/// set is so many marks, the bits of which say which words have a bit, and then those words. So a set of
/// few rules lies in one line of a cache, whatever the number of rules.
#[derive(Clone, Debug)]
pub(super) struct RuleSets {
    /// How many marks a set has.
    stride: usize,
    data: Vec<u64>,
    /// Whether each set is the one that was asked for.
    pub(super) is_exact: bool,
}

/// Sets of rules while they are being collected.
pub(super) struct Collecting {
    sets: RuleSets,
    rules: usize,
    known: HashMap<Bits, u32>,
    most_words: usize,
}

impl std::hash::Hash for Bits {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

/// The number of the set of all rules, and where it stands among the data.
const ALL: u32 = 0;

/// Of the number of a set of one rule, what is not the number of the rule.
const ONE: u32 = 1 << 31;

/// The number of the set of no rule.
const NONE: u32 = u32::MAX;

impl Collecting {
    pub(super) fn of(rules: usize) -> Collecting {
        Collecting::with_limit(rules, MAX_WORDS)
    }

    fn with_limit(rules: usize, most_words: usize) -> Collecting {
        let stride = rules.div_ceil(PER_MARK);
        let sets = RuleSets { stride, data: Vec::new(), is_exact: true };
        let mut collecting = Collecting { sets, rules, known: HashMap::new(), most_words };
        let mut all = Bits::none(rules);
        (0..rules).for_each(|rule| all.insert(rule));
        collecting.add(&all);
        collecting
    }

    /// The number of the set `bits`, or of all rules where there is no room for it.
    pub(super) fn number(&mut self, bits: &Bits) -> u32 {
        if let Some(number) = bits.few() {
            return number;
        }
        if let Some(number) = self.known.get(bits) {
            return *number;
        }
        if self.sets.data.len() + self.known.len() * bits.0.len() > self.most_words {
            self.sets.is_exact = false;
            return ALL;
        }
        self.add(bits)
    }

    fn add(&mut self, bits: &Bits) -> u32 {
        let data = &mut self.sets.data;
        let number = u32::try_from(data.len()).ok().filter(|at| *at < ONE).unwrap_or(ALL);
        for chunk in bits.0.chunks(PER_WORD) {
            let has_bits = chunk.iter().enumerate().filter(|(_, word)| **word != 0);
            data.push(has_bits.fold(0, |mark, (number, _)| mark | 1 << number));
        }
        data.extend(bits.0.iter().filter(|word| **word != 0));
        self.known.insert(bits.clone(), number);
        number
    }

    /// For each of so many classes the number of its set: the rules in `everywhere`, and those of
    /// which a stretch covers it. The stretches of one rule do not meet.
    pub(super) fn paint(
        &mut self,
        classes: usize,
        everywhere: &Bits,
        stretches: &[Stretch],
    ) -> Vec<u32> {
        let mut begin: Vec<&Stretch> = stretches.iter().collect();
        let mut end = begin.clone();
        begin.sort_by_key(|stretch| stretch.first);
        end.sort_by_key(|stretch| stretch.end);
        let mut begin = begin.into_iter().peekable();
        let mut end = end.into_iter().peekable();
        let mut bits = everywhere.clone();
        let mut number = self.number(&bits);
        let mut painted = Vec::with_capacity(classes);
        for class in 0..classes {
            let mut has_changed = false;
            while let Some(stretch) = end.next_if(|stretch| stretch.end <= class) {
                bits.remove(stretch.rule);
                has_changed = true;
            }
            while let Some(stretch) = begin.next_if(|stretch| stretch.first <= class) {
                bits.insert(stretch.rule);
                has_changed = true;
            }
            if has_changed {
                number = self.number(&bits);
            }
            painted.push(number);
        }
        painted
    }

    pub(super) fn done(self) -> RuleSets {
        debug_assert!(self.rules.div_ceil(PER_MARK) == self.sets.stride, "a mark for each block");
        self.sets
    }
}

/// Classes in a row that one rule covers: not empty, and without `end`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stretch {
    pub(super) rule: usize,
    pub(super) first: usize,
    pub(super) end: usize,
}

/// One set.
#[derive(Clone, Copy)]
pub(super) enum RuleSet<'s> {
    None,
    One(usize),
    Many(Marked<'s>),
}

/// A set that is told by marks and words.
#[derive(Clone, Copy)]
pub(super) struct Marked<'s> {
    marks: &'s [u64],
    words: &'s [u64],
}

impl RuleSet<'_> {
    #[inline]
    pub(super) fn is_empty(self) -> bool {
        matches!(self, RuleSet::None)
    }

    #[inline]
    fn contains(self, rule: usize) -> bool {
        match self {
            RuleSet::None => false,
            RuleSet::One(only) => only == rule,
            RuleSet::Many(set) => set.contains(rule),
        }
    }
}

impl Marked<'_> {
    #[inline]
    fn contains(self, rule: usize) -> bool {
        let (block, number) = (rule / PER_MARK, rule / PER_WORD % 64);
        let Some((mark, before)) = self.marks.get(..=block).and_then(<[u64]>::split_last) else {
            return false;
        };
        if mark >> number & 1 == 0 {
            return false;
        }
        let before: u32 = before.iter().map(|mark| mark.count_ones()).sum();
        let at = before + (mark & ((1 << number) - 1)).count_ones();
        self.words.get(at as usize).is_some_and(|word| word >> (rule % PER_WORD) & 1 == 1)
    }
}

impl RuleSets {
    /// The set of that number.
    #[inline]
    pub(super) fn get(&self, number: u32) -> RuleSet<'_> {
        if number == NONE {
            return RuleSet::None;
        }
        if number & ONE != 0 {
            return RuleSet::One((number & !ONE) as usize);
        }
        let data = self.data.get(number as usize..).unwrap_or_default();
        let (marks, words) = data.split_at_checked(self.stride).unwrap_or_default();
        RuleSet::Many(Marked { marks, words })
    }
}

/// A set that is read block by block. Written without adapters of iterators: this is where a
/// verdict spends its time.
struct Cursor<'s> {
    set: Marked<'s>,
    /// How many words belong to blocks before the one that is looked at.
    before: usize,
    /// The mark of that block.
    mark: u64,
}

impl<'s> Cursor<'s> {
    #[inline]
    fn of(set: Marked<'s>) -> Cursor<'s> {
        Cursor { set, before: 0, mark: 0 }
    }

    /// The mark of the next block, which has that number.
    #[inline]
    fn enter(&mut self, block: usize) -> Option<u64> {
        self.before += self.mark.count_ones() as usize;
        self.mark = *self.set.marks.get(block)?;
        Some(self.mark)
    }

    /// A word of the block, whose mark has its bit.
    #[inline]
    fn word(&self, number: u32) -> u64 {
        let at = self.before + (self.mark & ((1 << number) - 1)).count_ones() as usize;
        match self.set.words.get(at) {
            Some(word) => *word,
            None => 0,
        }
    }
}

/// The rules that are in each of three sets, in their order.
pub(super) enum Common<'s> {
    /// None, or the one that is left to tell.
    Few(Option<usize>),
    Many(Walk<'s>),
}

/// A walk through three sets at once.
pub(super) struct Walk<'s> {
    a: Cursor<'s>,
    b: Cursor<'s>,
    c: Cursor<'s>,
    /// The block that is looked at next.
    block: usize,
    /// The words of the block that were not looked at yet.
    left: u64,
    /// The number of the first rule of the word.
    base: usize,
    /// The rules of the word that were not told yet.
    word: u64,
}

impl<'s> Common<'s> {
    #[inline]
    pub(super) fn of([a, b, c]: [RuleSet<'s>; 3]) -> Common<'s> {
        match (a, b, c) {
            (RuleSet::Many(a), RuleSet::Many(b), RuleSet::Many(c)) => {
                let (a, b, c) = (Cursor::of(a), Cursor::of(b), Cursor::of(c));
                Common::Many(Walk { a, b, c, block: 0, left: 0, base: 0, word: 0 })
            }
            (RuleSet::One(rule), one, other)
            | (one, RuleSet::One(rule), other)
            | (one, other, RuleSet::One(rule)) => {
                let is_common = one.contains(rule) && other.contains(rule);
                Common::Few(is_common.then_some(rule))
            }
            (RuleSet::None, ..) | (_, RuleSet::None, _) | (.., RuleSet::None) => Common::Few(None),
        }
    }
}

impl Iterator for Common<'_> {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        match self {
            Common::Few(rule) => rule.take(),
            Common::Many(walk) => walk.next(),
        }
    }
}

impl Walk<'_> {
    fn next(&mut self) -> Option<usize> {
        loop {
            if self.word != 0 {
                let rule = self.base + self.word.trailing_zeros() as usize;
                self.word &= self.word - 1;
                return Some(rule);
            }
            if self.left != 0 {
                let number = self.left.trailing_zeros();
                self.left &= self.left - 1;
                self.base = (self.block - 1) * PER_MARK + number as usize * PER_WORD;
                self.word = self.a.word(number) & self.b.word(number) & self.c.word(number);
                continue;
            }
            let (a, b) = (self.a.enter(self.block)?, self.b.enter(self.block)?);
            self.left = a & b & self.c.enter(self.block)?;
            self.block += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bits(rules: usize, of: impl Fn(usize) -> bool) -> Bits {
        let mut bits = Bits::none(rules);
        (0..rules).filter(|rule| of(*rule)).for_each(|rule| bits.insert(rule));
        bits
    }

    #[test]
    fn what_is_common_comes_in_its_order() {
        for rules in [0, 1, 63, 64, 65, 4_095, 4_096, 4_097, 10_000] {
            let mut collecting = Collecting::of(rules);
            let three = collecting.number(&bits(rules, |rule| rule % 3 == 0));
            let last = collecting.number(&bits(rules, |rule| rule + 1 == rules));
            let none = collecting.number(&bits(rules, |_| false));
            let late = collecting.number(&bits(rules, |rule| rule > 4_000 && rule % 5 == 1));
            assert_eq!(collecting.number(&bits(rules, |rule| rule % 3 == 0)), three);
            let sets = collecting.done();
            let common = |one: u32, other: u32| -> Vec<usize> {
                Common::of([one, other, ALL].map(|number| sets.get(number))).collect()
            };
            let expected: Vec<usize> =
                (0..rules).filter(|r| r % 3 == 0 && *r > 4_000 && r % 5 == 1).collect();
            assert_eq!(common(three, late), expected);
            let the_last: Vec<usize> = (0..rules).last().into_iter().collect();
            assert_eq!(common(ALL, last), the_last);
            assert_eq!(common(last, ALL), the_last);
            assert_eq!(common(last, last), the_last);
            assert_eq!(common(none, last), Vec::<usize>::new());
            let in_three = the_last.into_iter().filter(|rule| rule % 3 == 0);
            assert_eq!(common(last, three), in_three.collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_set_without_room_is_that_of_all_rules() {
        let mut collecting = Collecting::with_limit(130, 8);
        let first = collecting.number(&bits(130, |rule| rule / 2 == 1));
        let second = collecting.number(&bits(130, |rule| rule / 2 == 2));
        let sets = collecting.done();
        assert_ne!(first, ALL);
        assert_eq!(second, ALL);
        assert!(!sets.is_exact);
        let all: Vec<usize> = Common::of([sets.get(second); 3]).collect();
        assert_eq!(all, (0..130).collect::<Vec<_>>());
    }

    #[test]
    fn a_class_has_the_rules_whose_stretch_covers_it() {
        let mut collecting = Collecting::of(3);
        let everywhere = bits(3, |rule| rule == 2);
        let stretch = |rule, first, end| Stretch { rule, first, end };
        let stretches = [stretch(0, 1, 3), stretch(1, 2, 3), stretch(0, 4, 5)];
        let painted = collecting.paint(6, &everywhere, &stretches);
        let sets = collecting.done();
        let rules: Vec<Vec<usize>> =
            painted.iter().map(|set| Common::of([sets.get(*set); 3]).collect()).collect();
        assert_eq!(rules, [vec![2], vec![0, 2], vec![0, 1, 2], vec![2], vec![0, 2], vec![2]]);
    }
}
