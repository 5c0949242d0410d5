//! Tests of identity logs.
