//! What both sides of a pairing compute: a commitment, a proof, and the code to be compared.

use super::PairingTicket;
use crate::id::{DeviceId, derive};

/// Returns the commitment of a new device to its nonce.
pub fn commitment(device: DeviceId, nonce: &[u8; 32]) -> [u8; 32] {
    derive("pair-commit", vec![device.into(), (*nonce).into()])
}

/// Returns the proof that the new device knows the ticket, for this connection and no other.
pub fn proof(
    ticket: &PairingTicket,
    new: DeviceId,
    new_nonce: &[u8; 32],
    nonce: &[u8; 32],
) -> [u8; 32] {
    let secret = *ticket.secret();
    let list =
        vec![secret.into(), new.into(), ticket.device.into(), (*new_nonce).into(), (*nonce).into()];
    derive("pair-proof", list)
}

/// Returns the code of six digits that both sides share, parted for the eye: `482 913`.
///
/// It is made of both device keys and both nonces. Since the new device commits to its nonce
/// before it learns the other's, somebody between the two has one try in a million.
pub fn code(granting: DeviceId, new: DeviceId, new_nonce: &[u8; 32], nonce: &[u8; 32]) -> String {
    let list = vec![granting.into(), new.into(), (*new_nonce).into(), (*nonce).into()];
    let hash = derive("pair-code", list);
    let first = hash.first_chunk::<8>().expect("a hash has 32 bytes");
    let number = u64::from_be_bytes(*first) % 1_000_000;
    format!("{:03} {:03}", number / 1000, number % 1000)
}
