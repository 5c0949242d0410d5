//! Tickets: whom they admit, and whom not (finding 7).

use super::world::*;
use crate::context::*;
use crate::limits::TICKET_GRACE_MS;
use crate::statement::samples::key;
use crate::statement::*;

const ALICE: u8 = 1;
const BOB: u8 = 2;
const CAROL: u8 = 3;
const MALLORY: u8 = 9;
const TICKET: u8 = 40;
const NOW: i64 = 1_700_000_000_000;

fn fact() -> TicketFact {
    let key = key(TICKET).public();
    TicketFact { key, role: Role::Reader, until: Some(NOW), uses: None, generation: 1 }
}

fn world(fact: TicketFact) -> (World, Device) {
    let mut world = World::new(&[ALICE]);
    let mut laptop = world.device(ALICE, 11);
    world.say(&mut laptop, PlacedFact::Ticket(fact));
    (world, laptop)
}

fn redeem(world: &World, of: u8) -> Redeem {
    let (context, ticket) = (world.genesis.id(), key(TICKET).public());
    Redeem { context, ticket, user: user(of), nonce: [0; 16] }
}

/// Carol redeems, with nobody admitted before.
fn carol(world: &World, now: i64) -> Result<Admission, Refused> {
    world.view().admits(&redeem(world, CAROL), user(CAROL), 0, now)
}

#[test]
fn a_reader_without_uses_comes_in_by_any_member() {
    let (world, _) = world(fact());
    assert_eq!(carol(&world, NOW), Ok(Admission::ByAnyMember(Role::Reader)));
}

#[test]
fn a_writer_or_a_count_comes_in_by_an_owner() {
    let (world_, _) = world(TicketFact { role: Role::Writer, ..fact() });
    assert_eq!(carol(&world_, NOW), Ok(Admission::ByOwner(Role::Writer)));
    let (world_, _) = world(TicketFact { uses: Some(5), ..fact() });
    assert_eq!(carol(&world_, NOW), Ok(Admission::ByOwner(Role::Reader)));
}

/// A member who saw Carol's redemption presents it as hers, or under Carol's name.
#[test]
fn a_redemption_admits_nobody_else() {
    let (world, _) = world(fact());
    let view = world.view();
    let (admits, presented_by) = (user(CAROL), user(MALLORY));
    let reused = view.admits(&redeem(&world, CAROL), presented_by, 0, NOW);
    assert_eq!(reused, Err(Refused::OtherUser { admits, presented_by }));
    // To put her own name in she would have to sign with the ticket's key.
    let forged = redeem(&world, MALLORY).sign(&key(91));
    assert!(matches!(forged, Err(BuildError::Refused(StatementError::Signer { .. }))));
    let elsewhere = Redeem { context: World::new(&[BOB]).genesis.id(), ..redeem(&world, CAROL) };
    let refused = view.admits(&elsewhere, user(CAROL), 0, NOW);
    assert_eq!(refused, Err(Refused::OtherContext(elsewhere.context)));
}

#[test]
fn it_ends_with_ten_minutes_of_grace() {
    let (world, _) = world(fact());
    assert_eq!(TICKET_GRACE_MS, 10 * 60 * 1000);
    assert!(carol(&world, NOW + TICKET_GRACE_MS).is_ok());
    let (ticket, until) = (key(TICKET).public(), NOW);
    let expired = Err(Refused::Expired { ticket, until });
    assert_eq!(carol(&world, NOW + TICKET_GRACE_MS + 1), expired);
    let (world, _) = self::world(TicketFact { until: Some(i64::MAX), ..fact() });
    assert!(carol(&world, i64::MAX).is_ok());
}

#[test]
fn it_admits_as_many_users_as_it_says() {
    let (world, _) = world(TicketFact { uses: Some(2), ..fact() });
    let (view, ticket) = (world.view(), key(TICKET).public());
    let admits = |admitted| view.admits(&redeem(&world, CAROL), user(CAROL), admitted, NOW);
    assert!(admits(1).is_ok());
    assert_eq!(admits(2), Err(Refused::UsedUp { ticket, uses: 2 }));
}

#[test]
fn an_owner_ends_it_and_nobody_else() {
    let (mut world, mut laptop) = world(fact());
    let mut phone = world.device(MALLORY, 91);
    world.member(&mut laptop, MALLORY, Role::Writer);
    let end = PlacedFact::TicketEnd { key: key(TICKET).public() };
    world.say(&mut phone, end.clone());
    assert!(carol(&world, NOW).is_ok());
    world.say(&mut laptop, end);
    assert_eq!(carol(&world, NOW), Err(Refused::Ended(key(TICKET).public())));
    let standing = world.view().tickets();
    assert_eq!(standing, [TicketStanding { fact: fact(), issued_by: user(ALICE), ended: true }]);
}

#[test]
fn a_ticket_that_no_owner_stated_is_unknown() {
    let mut world = World::new(&[ALICE]);
    let (mut laptop, mut phone) = (world.device(ALICE, 11), world.device(MALLORY, 91));
    world.member(&mut laptop, MALLORY, Role::Writer);
    world.say(&mut phone, PlacedFact::Ticket(fact()));
    assert_eq!(carol(&world, NOW), Err(Refused::Unknown(key(TICKET).public())));
}

#[test]
fn of_several_statements_the_one_that_allows_least_counts() {
    let (mut world, mut laptop) = world(TicketFact { uses: Some(3), ..fact() });
    world.say(&mut laptop, PlacedFact::Ticket(TicketFact { role: Role::Writer, ..fact() }));
    world.say(&mut laptop, PlacedFact::Ticket(TicketFact { until: None, ..fact() }));
    let standing = world.view().ticket(&key(TICKET).public()).unwrap();
    assert_eq!(standing.fact, TicketFact { uses: Some(3), ..fact() });
}

#[test]
fn whoever_was_removed_does_not_come_back_by_ticket() {
    let (mut world, mut laptop) = world(fact());
    world.member(&mut laptop, CAROL, Role::None);
    assert_eq!(carol(&world, NOW), Err(Refused::Removed(user(CAROL))));
    world.member(&mut laptop, CAROL, Role::Reader);
    assert!(carol(&world, NOW).is_ok());
}
