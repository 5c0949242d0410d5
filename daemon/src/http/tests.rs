//! Tests of the API in process.
