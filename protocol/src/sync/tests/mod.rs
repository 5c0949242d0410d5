//! Stories of single rules, told to engines.

#[cfg(feature = "sim")]
mod behind;
#[cfg(feature = "sim")]
mod logs;
#[cfg(feature = "sim")]
mod pair;
#[cfg(feature = "sim")]
mod restored;
#[cfg(feature = "sim")]
mod store;
