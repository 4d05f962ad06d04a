//! A [`Deployment`](crate::azure::Deployment) in, text out.
//!
//! In: a deployment. Out: the text of files, the same bytes for the same deployment. This stage
//! writes no file and decides nothing: what a format cannot say safely is an error.

pub mod arm;
pub mod json;

mod layout;

use crate::azure::Key;
use crate::azure::arm::UnknownValue;

/// A file that is to be written.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct EmittedFile {
    /// The path, relative to the folder of all files, with `/` between its parts. No part is `..`
    /// and none begins with a dot.
    pub path: String,
    /// The content.
    pub text: String,
    /// Whether a shell is to run it.
    pub is_script: bool,
}

/// Why a deployment could not be written.
#[derive(Debug, thiserror::Error)]
pub enum EmitError {
    /// JSON could not be made of it; this is an error of the program.
    #[error("the document could not be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// A template contradicts itself; this is an error of the program.
    #[error("a template was made wrongly: {about}; this is an error in exeat")]
    Inconsistent {
        /// What contradicts.
        about: String,
    },
    /// Something that an import could not know would have to be written.
    #[error("{at} cannot be written: {unknown}")]
    Unknown {
        /// The resource.
        at: String,
        /// The value.
        unknown: UnknownValue,
    },
    /// A resource that cannot be written without loss.
    #[error("the {what} `{name}` cannot be written: {because}")]
    Unsupported {
        /// The kind of the resource.
        what: &'static str,
        /// Its name.
        name: Key,
        /// Why not, and what to do.
        because: &'static str,
    },
    /// A resource names another that the deployment does not hold.
    #[error("the deployment holds no {what} `{name}`, which another resource names")]
    Missing {
        /// The kind of the resource.
        what: &'static str,
        /// Its name.
        name: Key,
    },
    /// A group over Azure's limit (`azure-firewall.md §6.1`).
    #[error("the rule collection group `{name}` takes {bytes} bytes; Azure allows {limit}")]
    GroupTooLarge {
        /// The group.
        name: Key,
        /// Its size in bytes.
        bytes: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// Resources that need one another, so that none can be first.
    #[error("{} need one another, so that none can be deployed first; put what they share into one resource group", list(.names))]
    Cycle {
        /// The policies or templates.
        names: Vec<String>,
    },
    /// A name that cannot be a folder or stand in a command.
    #[error(
        "`{name}` cannot be the name of a folder or stand in a command; Azure allows letters, digits and `_-.()`"
    )]
    Name {
        /// The name.
        name: String,
    },
}

fn list(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}
