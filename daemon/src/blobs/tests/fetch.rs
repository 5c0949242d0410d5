//! What a fetch brings, and from whom.
