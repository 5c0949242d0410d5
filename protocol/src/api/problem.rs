//! Errors, as callers see them.

http! {
    /// An error, as RFC 9457 has it.
    pub struct Problem {
        /// `urn:dsp:error:<code>`.
        #[serde(rename = "type")]
        pub kind: String,
        /// The error in a few words.
        pub title: String,
        /// The HTTP status.
        pub status: u16,
        /// What is wrong, naming the thing.
        pub detail: String,
        /// A stable word for programs.
        pub code: ProblemCode,
        /// What to do about it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub hint: Option<String>,
        /// The causes, outermost first.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub causes: Vec<String>,
        /// Full references that would fit where one did not.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub candidates: Vec<String>,
    }

    /// What kind of error a problem is.
    #[derive(Copy, Eq)]
    pub enum ProblemCode {
        /// The request is malformed, or breaks a rule. Status 400.
        BadRequest,
        /// No token, or a wrong one. Status 401.
        Unauthorized,
        /// Understood and refused: not allowed, or not confirmed. Status 403.
        Refused,
        /// No such stack, frame, attachment, context, peer or ticket. Status 404.
        NotFound,
        /// The thing exists in a state that does not permit the call. Status 409.
        Conflict,
        /// The blob is known and not here; fetch it first. Status 409.
        BlobNotLocal,
        /// The name fits several things. Status 409.
        Ambiguous,
        /// The bytes here do not match their hash. Status 500.
        Corrupt,
        /// The body is larger than allowed. Status 413.
        TooLarge,
        /// The request names a host that this daemon is not. Status 421.
        Misdirected,
        /// The body has another media type than the call takes. Status 415.
        UnsupportedMediaType,
        /// The disk is full; reading still works. Status 507.
        DiskFull,
        /// No peer that has it can be reached. Status 503.
        Unreachable,
        /// The daemon stops. Status 503.
        Stopping,
        /// A bug or a failed disk. Status 500.
        Internal,
    }
}

impl ProblemCode {
    /// Returns the HTTP status of a problem.
    pub fn status(self) -> u16 {
        match self {
            ProblemCode::BadRequest => 400,
            ProblemCode::Unauthorized => 401,
            ProblemCode::Refused => 403,
            ProblemCode::NotFound => 404,
            ProblemCode::Conflict | ProblemCode::BlobNotLocal | ProblemCode::Ambiguous => 409,
            ProblemCode::TooLarge => 413,
            ProblemCode::UnsupportedMediaType => 415,
            ProblemCode::Misdirected => 421,
            ProblemCode::Corrupt | ProblemCode::Internal => 500,
            ProblemCode::Unreachable | ProblemCode::Stopping => 503,
            ProblemCode::DiskFull => 507,
        }
    }

    /// Returns the word that stands for it in JSON and in `type`.
    pub fn as_str(self) -> &'static str {
        match self {
            ProblemCode::BadRequest => "bad_request",
            ProblemCode::Unauthorized => "unauthorized",
            ProblemCode::Refused => "refused",
            ProblemCode::NotFound => "not_found",
            ProblemCode::Conflict => "conflict",
            ProblemCode::BlobNotLocal => "blob_not_local",
            ProblemCode::Ambiguous => "ambiguous",
            ProblemCode::Corrupt => "corrupt",
            ProblemCode::TooLarge => "too_large",
            ProblemCode::Misdirected => "misdirected",
            ProblemCode::UnsupportedMediaType => "unsupported_media_type",
            ProblemCode::DiskFull => "disk_full",
            ProblemCode::Unreachable => "unreachable",
            ProblemCode::Stopping => "stopping",
            ProblemCode::Internal => "internal",
        }
    }

    /// Returns the error in a few words.
    pub fn title(self) -> &'static str {
        match self {
            ProblemCode::BadRequest => "the request is not valid",
            ProblemCode::Unauthorized => "a token is needed",
            ProblemCode::Refused => "refused",
            ProblemCode::NotFound => "not found",
            ProblemCode::Conflict => "not possible in this state",
            ProblemCode::BlobNotLocal => "the bytes are not here",
            ProblemCode::Ambiguous => "the name fits several things",
            ProblemCode::Corrupt => "bytes do not match their hash",
            ProblemCode::TooLarge => "too large",
            ProblemCode::Misdirected => "unknown host",
            ProblemCode::UnsupportedMediaType => "unsupported media type",
            ProblemCode::DiskFull => "the disk is full",
            ProblemCode::Unreachable => "no peer that has it can be reached",
            ProblemCode::Stopping => "the daemon stops",
            ProblemCode::Internal => "internal error",
        }
    }
}

impl Problem {
    /// Returns a problem of one kind with what is wrong.
    pub fn new(code: ProblemCode, detail: impl Into<String>) -> Self {
        Problem {
            kind: format!("urn:dsp:error:{}", code.as_str()),
            title: code.title().to_owned(),
            status: code.status(),
            detail: detail.into(),
            code,
            hint: None,
            causes: Vec::new(),
            candidates: Vec::new(),
        }
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds the chain of causes of an error.
    #[must_use]
    pub fn with_causes(mut self, error: &dyn std::error::Error) -> Self {
        let mut cause = error.source();
        while let Some(error) = cause {
            self.causes.push(error.to_string());
            cause = error.source();
        }
        self
    }
}
