//! What a provider gives, and to whom.
