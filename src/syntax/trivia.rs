//! Comments: text that means nothing to the program and everything to the reader.

use crate::diagnostic::Span;

/// The `//` comments of a file, in the order of the text.
///
/// Two are equal if they hold the same texts as often: formatting gives clauses another order, and
/// a comment goes with its clause.
#[derive(Clone, Debug, Default)]
pub struct Comments {
    comments: Vec<Comment>,
}

/// One comment.
#[derive(Clone, Debug)]
pub struct Comment {
    /// What follows the `//`, without white space at its end.
    pub text: String,
    /// Where it stands, slashes included.
    pub span: Span,
    /// What stands before it on its line.
    pub place: Place,
    /// Whether an empty line follows.
    pub blank_after: bool,
}

/// Where on its line a comment stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Place {
    /// Alone, or only after an opening brace or parenthesis: it belongs to what follows.
    OwnLine,
    /// Behind something that ends at this offset, a comma between them not counted.
    Behind(u32),
}

impl Comments {
    /// Comments in the order of the text.
    pub(super) fn new(comments: Vec<Comment>) -> Comments {
        Comments { comments }
    }

    /// The comments in the order of the text.
    pub fn iter(&self) -> impl Iterator<Item = &Comment> {
        self.comments.iter()
    }

    /// The texts, sorted.
    fn bag(&self) -> Vec<&str> {
        let mut texts: Vec<&str> =
            self.comments.iter().map(|comment| comment.text.as_str()).collect();
        texts.sort_unstable();
        texts
    }
}

impl PartialEq for Comments {
    fn eq(&self, other: &Self) -> bool {
        self.bag() == other.bag()
    }
}

impl Eq for Comments {}
