use std::collections::BTreeMap;

use dsp_protocol::api::Policy;
use dsp_protocol::context::{HeadView, StackState};
use dsp_protocol::id::{DeviceId, StackId, StatementId};
use dsp_protocol::statement::{About, Access, Role};
use dsp_protocol::sync::Standing;

use super::super::names::Names;
use super::*;

const ME: UserId = UserId::from_bytes([1; 32]);
const ALICE: UserId = UserId::from_bytes([2; 32]);
const MALLORY: UserId = UserId::from_bytes([3; 32]);

fn frame(n: u8) -> FrameId {
    FrameId::from_bytes([n; 32])
}

fn stack(owner: UserId, name: &str, heads: &[u8]) -> StackView {
    let id = blake3::hash(format!("{owner}{name}{heads:?}").as_bytes());
    let head = |n: &u8| HeadView {
        id: StatementId::from_bytes([*n; 32]),
        frame: frame(*n),
        generation: 1,
        device: DeviceId::from_bytes([9; 32]),
        time: 0,
        n: 1,
    };
    StackView {
        stack: StackId::from_bytes(id.as_bytes()[..16].try_into().unwrap()),
        owner,
        name: name.parse().unwrap(),
        heads: heads.iter().map(head).collect(),
        tags: BTreeMap::new(),
        state: if heads.is_empty() { StackState::Removed } else { StackState::Live },
        time: 0,
        over: Vec::new(),
    }
}

fn context(id: u8, owner: UserId, name: &str, stacks: Vec<StackView>) -> ContextScene {
    ContextScene {
        id: ContextId::from_bytes([id; 32]),
        about: Some(About {
            name: name.parse().unwrap(),
            text: String::new(),
            access: Access::Private,
            closed: false,
            over: Vec::new(),
        }),
        owner,
        members: vec![(owner, Role::Owner)],
        my_role: Role::Owner,
        role_pending: None,
        policy: Policy::Heads.into(),
        standing: Standing::Active { synced: true },
        frames: 0,
        stacks,
        tickets: Vec::new(),
        redemptions: Vec::new(),
        heard: None,
    }
}

/// My `main` (current) and `research`; Alice's `main`, into which Mallory and I may push.
fn scene() -> Scene {
    let contexts = [
        context(1, ME, "main", vec![stack(ME, "sales", &[10]), stack(ME, "both", &[11])]),
        context(2, ME, "research", vec![stack(ME, "model", &[20]), stack(ME, "both", &[21])]),
        context(
            3,
            ALICE,
            "main",
            vec![
                stack(ALICE, "report", &[30, 31]),
                stack(MALLORY, "report", &[32]),
                stack(MALLORY, "only", &[33]),
                stack(ME, "shared", &[34]),
            ],
        ),
    ];
    let names = [(ALICE, "alice".parse().unwrap()), (MALLORY, "mallory".parse().unwrap())];
    Scene {
        blocked: std::collections::BTreeSet::new(),
        me: ME,
        names: Names::new(ME, Some(&"zoe".parse().unwrap()), names),
        current: Some(ContextId::from_bytes([1; 32])),
        contexts: contexts.into_iter().map(|context| (context.id, context)).collect(),
        dropped: Default::default(),
    }
}

fn find(scene: &Scene, text: &str) -> Result<FrameId, Problem> {
    let reference: Reference = text.parse().unwrap();
    let found = scene.stack(&reference)?;
    Ok(found.frame(&reference.rev, &History::default(), text)?.frame)
}

#[test]
fn an_unqualified_stack_is_mine_or_the_first_owners() {
    let mut scene = scene();
    assert_eq!(find(&scene, "sales"), Ok(frame(10)));
    assert_eq!(find(&scene, "both"), Ok(frame(11)), "in the current context");
    let problem = find(&scene, "model").unwrap_err();
    assert_eq!(problem.code, ProblemCode::NotFound);
    assert_eq!(problem.candidates, ["me/research:model"]);

    scene.current = Some(ContextId::from_bytes([3; 32]));
    assert_eq!(find(&scene, "report"), Ok(frame(30)), "the owner's, not Mallory's");
    assert_eq!(find(&scene, "shared"), Ok(frame(34)), "mine in her context");
    let problem = find(&scene, "only").unwrap_err();
    assert_eq!(problem.code, ProblemCode::NotFound, "never a stranger's");
    assert_eq!(problem.candidates, ["mallory/main:only"]);
}

#[test]
fn users_and_contexts_qualify() {
    let scene = scene();
    assert_eq!(find(&scene, "alice:report"), Ok(frame(30)));
    assert_eq!(find(&scene, "ALICE:report"), Ok(frame(30)), "names differ not in case");
    assert_eq!(find(&scene, "mallory:report"), Ok(frame(32)));
    assert_eq!(find(&scene, "me:both"), Ok(frame(11)), "the current context first");
    assert_eq!(find(&scene, "me/research:both"), Ok(frame(21)));
    assert_eq!(find(&scene, "me:model"), Ok(frame(20)), "the only one");
    assert_eq!(find(&scene, &format!("{ALICE}:report")), Ok(frame(30)));
    let by_id = format!("alice/{}:report", ContextId::from_bytes([3; 32]));
    assert_eq!(find(&scene, &by_id), Ok(frame(30)));
    assert!(find(&scene, "alice@x:report").is_err());
    assert_eq!(find(&scene, "nobody:report").unwrap_err().code, ProblemCode::NotFound);
    assert_eq!(find(&scene, "alice:sales").unwrap_err().code, ProblemCode::NotFound);
}

#[test]
fn what_i_call_myself_means_me() {
    let mut scene = scene();
    assert_eq!(find(&scene, "zoe:both"), Ok(frame(11)));
    assert_eq!(find(&scene, "Zoe/research:both"), Ok(frame(21)));
    let place = |scene: &Scene, text: &str| {
        let reference: Reference = text.parse().unwrap();
        scene.place(reference.owner.as_ref()).map(|context| context.id.as_bytes()[0])
    };
    assert_eq!(place(&scene, "zoe:new"), Ok(1));
    assert_eq!(place(&scene, "zoe/research:new"), Ok(2));
    assert_eq!(scene.user("zoe"), Ok(ME));
    // A peer who was called so before stays called so.
    let names = [(ALICE, "zoe".parse().unwrap())];
    scene.names = Names::new(ME, Some(&"zoe".parse().unwrap()), names);
    assert_eq!(find(&scene, "zoe:report"), Ok(frame(30)));
    assert_eq!(scene.user("zoe"), Ok(ALICE));
}

#[test]
fn what_fits_several_is_ambiguous() {
    let mut scene = scene();
    scene.current = Some(ContextId::from_bytes([3; 32]));
    let problem = find(&scene, "me:both").unwrap_err();
    assert_eq!(problem.code, ProblemCode::Ambiguous);
    assert_eq!(problem.candidates, ["me/main:both", "me/research:both"]);
    for candidate in problem.candidates {
        assert!(find(&scene, &candidate).is_ok(), "{candidate}");
    }
}

#[test]
fn of_a_stack_for_several_the_one_with_the_longest_history_is_meant() {
    let mut scene = scene();
    let mut made = stack(ALICE, "raw", &[40]);
    made.heads[0].generation = 3;
    let shown = StackView { time: 9, heads: stack(ALICE, "raw", &[41]).heads, ..made.clone() };
    for (id, name, stack) in [(8, "team", made), (9, "for-me", shown)] {
        let context = context(id, ALICE, name, vec![stack]);
        scene.contexts.insert(context.id, context);
    }
    assert_eq!(find(&scene, "alice:raw").unwrap(), frame(40));
    // What is not followed any more is meant only where nothing else is.
    let team = ContextId::from_bytes([8; 32]);
    scene.contexts.get_mut(&team).unwrap().standing = Standing::Left;
    assert_eq!(find(&scene, "alice:raw").unwrap(), frame(41));
}

#[test]
fn references_are_short_and_mean_what_they_name() {
    let scene = scene();
    let mut shown = Vec::new();
    for context in scene.contexts.values() {
        for stack in &context.stacks {
            let found = Found { context, stack };
            for text in [scene.reference(&found), scene.in_full(&found)] {
                let again = scene.stack(&text.parse().unwrap()).unwrap();
                assert_eq!(key(&again), key(&found), "{text}");
            }
            shown.push(scene.reference(&found));
        }
    }
    let expected = [
        "sales",
        "both",
        "me:model",
        "me/research:both",
        "alice:report",
        "mallory:report",
        "mallory:only",
        "me:shared",
    ];
    assert_eq!(shown, expected);
}

/// Alice's `main` is one context, and mine another: a stack of mine in hers is named by its id.
#[test]
fn a_context_is_named_by_the_first_digits_of_its_id() {
    let mut scene = scene();
    let hers = ContextId::from_bytes([3; 32]);
    scene.contexts.get_mut(&hers).unwrap().stacks.push(stack(ME, "sales", &[35]));
    let short = format!("me/{}:sales", hers.short());
    assert_eq!(find(&scene, &short), Ok(frame(35)));
    assert_eq!(find(&scene, "sales"), Ok(frame(10)));
    assert!(find(&scene, "me/03030:sales").is_err(), "too few digits");
    let found = |scene: &Scene| {
        let context = &scene.contexts[&hers];
        scene.reference(&Found { context, stack: context.stacks.last().unwrap() })
    };
    assert_eq!(found(&scene), short);
    // A name that looks like the digits is a name, and two of that name are told apart in full.
    for id in [6, 7] {
        let named = context(id, ME, &hers.short(), vec![stack(ME, "sales", &[40 + id])]);
        scene.contexts.insert(named.id, named);
    }
    assert_eq!(found(&scene), format!("me/{hers}:sales"));
    let problem = find(&scene, &short).unwrap_err();
    assert_eq!(problem.code, ProblemCode::Ambiguous, "{problem:?}");
    for (candidate, head) in problem.candidates.iter().zip([46, 47]) {
        assert_eq!(find(&scene, candidate), Ok(frame(head)), "{candidate}");
    }
}

#[test]
fn contexts_have_labels() {
    let mut scene = scene();
    let labels: Vec<_> = scene.contexts.values().map(|c| scene.label(c)).collect();
    assert_eq!(labels, ["main", "research", "alice/main"]);
    assert_eq!(scene.context("me/main").unwrap().id, ContextId::from_bytes([1; 32]));
    assert_eq!(scene.context(&format!("{ALICE}/main")).unwrap().owner, ALICE);
    assert_eq!(scene.context("nothing").unwrap_err().candidates, labels);
    // A second one of the same owner and name is told by its id.
    let twin = context(4, ALICE, "main", Vec::new());
    scene.contexts.insert(twin.id, twin.clone());
    assert_eq!(scene.label(&twin), twin.id.short());
    assert!(scene.context("alice/main").is_err());
    for id in [twin.id.to_string(), twin.id.short(), twin.id.to_string()[..6].to_owned()] {
        assert_eq!(scene.context(&id).unwrap().id, twin.id);
    }
    assert!(scene.context(&twin.id.to_string()[..5]).is_err(), "too few digits");
    // As many digits as tell it from others.
    let mut bytes = *twin.id.as_bytes();
    bytes[31] ^= 1;
    let like = ContextScene { id: ContextId::from_bytes(bytes), ..twin.clone() };
    scene.contexts.insert(like.id, like.clone());
    assert_eq!(scene.label(&like), like.id.to_string());
    assert!(scene.context(&twin.id.short()).is_err());
}

#[test]
fn revisions() {
    let mut scene = scene();
    assert_eq!(find(&scene, "alice:report@head^2"), Ok(frame(31)));
    assert_eq!(find(&scene, "alice:report@head^3").unwrap_err().code, ProblemCode::NotFound);
    assert_eq!(find(&scene, "alice:report@v1").unwrap_err().code, ProblemCode::NotFound);
    let context = scene.contexts.get_mut(&ContextId::from_bytes([3; 32])).unwrap();
    context.stacks[0].tags.insert("v1".parse().unwrap(), frame(5));
    context.stacks[1].heads.clear();
    assert_eq!(find(&scene, "alice:report@v1"), Ok(frame(5)));
    assert_eq!(find(&scene, "mallory:report").unwrap_err().code, ProblemCode::NotFound);
}

#[test]
fn ids_are_told_by_their_first_digits() {
    let scene = scene();
    let reference: Reference = "sales".parse().unwrap();
    let found = scene.stack(&reference).unwrap();
    let near = FrameId::from_bytes({
        let mut bytes = [10; 32];
        bytes[31] = 0;
        bytes
    });
    let history = History::walk([frame(10)], |id| (id == frame(10)).then(|| vec![near]));
    let look = |text: &str| found.frame(&text.parse().unwrap(), &history, "sales");
    let problem = look("0a0a0a0a").unwrap_err();
    assert_eq!(problem.code, ProblemCode::Ambiguous);
    assert_eq!(problem.candidates.len(), 2);
    assert_eq!(look(&near.to_string()).unwrap().frame, near);
    assert_eq!(look("ffffff").unwrap_err().code, ProblemCode::NotFound);
    assert_eq!(look("head~1").unwrap().frame, near);
    assert_eq!(look("head~2").unwrap_err().code, ProblemCode::BlobNotLocal, "known, not here");
}

#[test]
fn a_push_goes_where_its_label_says() {
    let scene = scene();
    let place = |text: &str| {
        let reference: Reference = text.parse().unwrap();
        scene.place(reference.owner.as_ref()).map(|context| context.id.as_bytes()[0])
    };
    assert_eq!(place("x"), Ok(1));
    assert_eq!(place("me:x"), Ok(1));
    assert_eq!(place("research:x"), Ok(2));
    assert_eq!(place("me/research:x"), Ok(2));
    assert_eq!(place("alice/main:x"), Ok(3));
    assert!(place("alice:x").is_err());
}

#[test]
fn what_was_meant_is_offered() {
    let scene = scene();
    let hint = |text: &str| find(&scene, text).unwrap_err().hint.unwrap_or_default();
    assert_eq!(hint("slaes"), "did you mean `sales`?");
    assert_eq!(hint("research/model"), "did you mean `me/research:model`?");
    assert_eq!(hint("research:model"), "did you mean `me/research:model`?");
    assert_eq!(hint("alice/main/report"), "did you mean `alice/main:report`?");
    let id = frame(10).short();
    assert_eq!(hint(&id), format!("did you mean `sales@{id}`?"));
    assert_eq!(hint("sales@ab12"), "an id of a frame takes 6 digits or more");
    assert_eq!(hint("something-else"), "`dsp ls --all` lists what is here");
}
