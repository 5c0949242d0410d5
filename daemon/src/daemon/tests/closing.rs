//! A context that its owner closed.

use super::*;

fn named(name: &str) -> NewContext {
    NewContext { name: name.to_owned(), about: String::new(), access: None }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_context_is_left_and_gives_its_name_away() {
    let home = tempfile::tempdir().unwrap();
    let alice = start(&home, "alice").await;
    let ops = alice.ops();
    let old = ops.new_context(named("research")).await.unwrap().id;
    ops.switch_context("research").await.unwrap();
    push(&alice, "model", &[("a", b"old")]).await;
    assert!(!ops.close_context("research").await.unwrap().context.current);
    assert!(ops.context("main").await.unwrap().current, "one can go on pushing");
    push(&alice, "model", &[("a", b"in main")]).await;
    for refused in [ops.readable("research").await.err(), ops.context("nothing").await.err()] {
        assert!(refused.is_some_and(|problem| problem.hint.is_some()));
    }

    let new = ops.new_context(named("research")).await.unwrap();
    assert_eq!(new.label, "research");
    assert!(ops.new_context(named("research")).await.is_err(), "it is open");
    let closed = ops.context(&old.to_string()).await.unwrap();
    assert_eq!(closed.label, old.short());
    assert_eq!(ops.context(&old.short()).await.unwrap().id, old);
    assert_eq!(ops.context("me/research").await.unwrap().id, new.id);
    push(&alice, "me/research:model", &[("a", b"new")]).await;
    assert_eq!(content(&alice, "me/research:model").await.unwrap(), b"new");
    assert_eq!(content(&alice, &format!("me/{old}:model")).await.unwrap(), b"old");
    alice.stop().await;
}
