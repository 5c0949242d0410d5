//! Stories over real daemons, a module each. In the drawings `-->` is who dials whom, `~~>` what
//! is sent, and `x` what is off.

mod apart;
mod archive;
mod audience;
mod author;
#[cfg(target_os = "linux")]
mod boards;
mod cable;
#[cfg(target_os = "linux")]
mod crash;
mod devices;
mod doctor;
mod dstack;
mod flood;
mod follow;
mod forget;
mod full;
mod hostile;
mod keeping;
#[cfg(target_os = "linux")]
mod lan;
mod large;
mod load;
mod members;
mod offers;
mod quotas;
mod repair;
mod reset;
mod restart;
mod tickets;
mod transcripts;
mod trust;
mod undo;
mod upgrade;
mod writers;
