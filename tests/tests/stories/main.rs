//! Stories over real daemons, a module each. In the drawings `-->` is who dials whom, `~~>` what
//! is sent, and `x` what is off.

mod apart;
mod archive;
mod author;
mod doctor;
mod follow;
mod full;
mod hostile;
mod lan;
mod large;
mod repair;
mod reset;
mod restart;
mod tickets;
mod transcripts;
mod upgrade;
mod writers;
