//! Stories over real daemons, a module each. In the drawings `-->` is who dials whom, `~~>` what
//! is sent, and `x` what is off.

mod apart;
mod author;
mod follow;
mod full;
mod hostile;
mod lan;
mod large;
mod repair;
mod restart;
mod tickets;
mod transcripts;
mod undo;
mod writers;
