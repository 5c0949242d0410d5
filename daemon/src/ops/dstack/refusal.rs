//! Refusals in the words of dstack's server, with what is wrong in our own.

use dsp_protocol::api::{Problem, ProblemCode};

/// Why a call of dstack's API is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status; never 401, which its clients do not know.
    pub status: u16,
    /// The error as dstack's server called it, else what is wrong.
    pub message: String,
    /// What is wrong, where `message` does not say it.
    pub detail: Option<String>,
    /// The way out.
    pub hint: Option<String>,
}

impl Refusal {
    fn new(status: u16, message: &str, detail: impl Into<String>) -> Refusal {
        Refusal { status, message: message.to_owned(), detail: Some(detail.into()), hint: None }
    }

    /// Returns the refusal of a request that breaks a rule.
    pub fn malformed(detail: impl Into<String>) -> Refusal {
        Refusal::new(400, "malformed request", detail)
    }

    /// Returns the refusal of a caller who shows nothing, the wrong thing, or too little.
    pub fn credentials(detail: impl Into<String>) -> Refusal {
        Refusal::new(403, "bad credentials", detail)
    }

    /// Returns the refusal of what is not here: a `stack`, `frame`, `attachment` or `user`.
    pub fn not_found(what: &str, detail: impl Into<String>) -> Refusal {
        Refusal::new(404, &format!("{what} not found"), detail)
    }

    /// Returns the refusal of an attachment that a frame has already.
    pub fn exists(detail: impl Into<String>) -> Refusal {
        Refusal::new(400, "attachment already exists", detail)
    }

    /// Returns the refusal of a stack that is there already.
    pub fn stack_exists(detail: impl Into<String>) -> Refusal {
        Refusal::new(400, "stack already exists", detail)
    }

    /// Returns the refusal of what this daemon does not do.
    pub fn unsupported(detail: impl Into<String>, hint: &str) -> Refusal {
        Refusal::new(501, "not supported", detail).with_hint(hint)
    }

    /// Adds the way out.
    #[must_use]
    pub fn with_hint(self, hint: impl Into<String>) -> Refusal {
        Refusal { hint: Some(hint.into()), ..self }
    }

    /// Returns everything in one line, for those who see nothing else.
    pub fn line(&self) -> String {
        let said = [Some(&self.message), self.detail.as_ref(), self.hint.as_ref()];
        said.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join("; ")
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Refusal {
        let mut detail = problem.detail;
        if !problem.candidates.is_empty() {
            detail = format!("{detail} ({})", problem.candidates.join(", "));
        }
        if problem.code == ProblemCode::Unauthorized {
            return Refusal { hint: problem.hint, ..Refusal::credentials(detail) };
        }
        Refusal { status: problem.status, message: detail, detail: None, hint: problem.hint }
    }
}
