//! Stories over real daemons, a module each. In the drawings `-->` is who dials whom, `~~>` what
//! is sent, and `x` what is off.

mod apart;
mod audience;
mod author;
mod follow;
mod full;
mod hostile;
mod lan;
mod large;
mod members;
mod offers;
mod repair;
mod restart;
mod tickets;
mod transcripts;
mod trust;
mod writers;
