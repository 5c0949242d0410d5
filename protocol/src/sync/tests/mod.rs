//! Stories of single rules, told to engines.
