//! Dashboards and comments between daemons.

use anyhow::{Context as _, ensure};
use dsp_protocol::api::{
    BoardChanged, BoardInfo, BoardOp, BoardView, ChangeBoard, CommentInfo, Editing, Editors,
    NewBoard, NewCard, NewComment, NewTicket, NotificationInfo, NotificationKind, RoleName,
};
use dsp_tests::{Cluster, Node};
use hyper::Method;

async fn shows(node: &Node, id: &str, cards: &[&str]) -> anyhow::Result<()> {
    node.eventually(async |api| {
        let board: BoardView = api.get(&format!("/boards/{id}"), &[]).await?;
        let mut titles: Vec<&str> = board.cards.iter().map(|card| card.title.as_str()).collect();
        titles.sort_unstable();
        ensure!(titles == cards, "{} shows {titles:?}", node.name);
        Ok(())
    })
    .await
}

async fn add(node: &Node, id: &str, title: &str) -> anyhow::Result<BoardChanged> {
    let text = Some("text".to_owned());
    let card = NewCard { title: Some(title.to_owned()), text, ..NewCard::default() };
    let change = ChangeBoard { ops: vec![BoardOp::AddCard(card)] };
    Ok(node.api().send(Method::POST, &format!("/boards/{id}/changes"), &change).await?)
}

/// Says on a node that its user edits a dashboard, or does not, and returns who of the others does.
async fn editing(node: &Node, id: &str, editing: bool) -> anyhow::Result<Vec<String>> {
    let path = format!("/boards/{id}/editing");
    let told: Editors = node.api().send(Method::POST, &path, &Editing { editing }).await?;
    Ok(told.editors.into_iter().map(|user| user.name).collect())
}

//  alice <-- bob (writer)
//  both edit a dashboard, alice leaves it
#[tokio::test]
async fn who_edits_a_dashboard_sees_who_else_does() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [alice, bob] = cluster.start(["alice", "bob"]).await?;
    let writer = NewTicket { role: Some(RoleName::Writer), expires_seconds: None, uses: None };
    bob.follow(&alice.ticket_of("main", &writer).await?.ticket).await?;
    bob.writes_into("alice/main").await?;
    let new = NewBoard { context: None, title: "Week".to_owned(), ops: Vec::new() };
    let made: BoardChanged = alice.api().send(Method::POST, "/boards", &new).await?;
    let id = &made.board.info.id.to_string();
    shows(&bob, id, &[]).await?;

    ensure!(editing(&alice, id, true).await?.is_empty(), "alice is told of herself");
    bob.eventually(async |_| {
        let others = editing(&bob, id, true).await?;
        ensure!(others == ["alice"], "bob is told of {others:?}");
        Ok(())
    })
    .await?;
    alice
        .eventually(async |_| {
            let others = editing(&alice, id, true).await?;
            ensure!(others == ["bob"], "alice is told of {others:?}");
            Ok(())
        })
        .await?;
    editing(&alice, id, false).await?;
    bob.eventually(async |_| {
        let others = editing(&bob, id, true).await?;
        ensure!(others.is_empty(), "bob is still told of {others:?}");
        Ok(())
    })
    .await
}

//  alice <-- bob (writer), who is away for a while
//  alice ~~dashboard~~> bob, both write, both start again
#[tokio::test]
async fn two_write_on_one_dashboard_apart_and_see_the_same() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [mut alice, mut bob] = cluster.start(["alice", "bob"]).await?;
    let writer = NewTicket { role: Some(RoleName::Writer), expires_seconds: None, uses: None };
    bob.follow(&alice.ticket_of("main", &writer).await?.ticket).await?;
    bob.writes_into("alice/main").await?;
    alice.push("sales", &[("a.csv", b"a")]).await?;
    let new = NewBoard { context: None, title: "Week".to_owned(), ops: Vec::new() };
    let made: BoardChanged = alice.api().send(Method::POST, "/boards", &new).await?;
    let id = made.board.info.id.to_string();
    shows(&bob, &id, &[]).await?;
    add(&alice, &id, "one").await?;
    shows(&bob, &id, &["one"]).await?;
    add(&bob, &id, "two").await?;
    shows(&alice, &id, &["one", "two"]).await?;

    alice.stop().await?;
    add(&bob, &id, "by bob").await?;
    bob.stop().await?;
    alice.start().await?;
    add(&alice, &id, "by alice").await?;
    bob.start().await?;
    for node in [&alice, &bob] {
        shows(node, &id, &["by alice", "by bob", "one", "two"]).await?;
    }
    let boards: Vec<BoardInfo> = bob.api().list("/boards", &[("context", "alice/main")]).await?;
    ensure!(boards.len() == 1 && boards[0].title == "Week", "{boards:?}");

    let comment = NewComment {
        reference: Some("alice/main:sales".to_owned()),
        board: None,
        card: None,
        text: "new?".to_owned(),
    };
    let _: CommentInfo = bob.api().send(Method::POST, "/comments", &comment).await?;
    alice
        .eventually(async |api| {
            let comments: Vec<CommentInfo> = api.list("/comments", &[("ref", "sales")]).await?;
            ensure!(comments.len() == 1 && comments[0].text == "new?", "{comments:?}");
            ensure!(!comments[0].mine && comments[0].author.name == "bob", "{comments:?}");
            Ok(())
        })
        .await?;
    alice
        .eventually(async |api| {
            let told: Vec<NotificationInfo> = api.list("/notifications", &[]).await?;
            let said = told.iter().find(|one| one.kind == NotificationKind::Comment);
            ensure!(
                said.is_some_and(|one| one.text == "bob said on sales in main: new?"),
                "{told:?}"
            );
            Ok(())
        })
        .await
}

//  alice ~~archive~~> carol, who has the dashboard with what bob wrote on it
#[tokio::test]
async fn an_archive_of_a_context_holds_its_dashboards_and_comments() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [mut alice, bob, carol] = cluster.start(["alice", "bob", "carol"]).await?;
    let writer = NewTicket { role: Some(RoleName::Writer), expires_seconds: None, uses: None };
    bob.follow(&alice.ticket_of("main", &writer).await?.ticket).await?;
    bob.writes_into("alice/main").await?;
    alice.push("sales", &[("a.csv", b"a")]).await?;
    let new = NewBoard { context: None, title: "Week".to_owned(), ops: Vec::new() };
    let made: BoardChanged = alice.api().send(Method::POST, "/boards", &new).await?;
    let id = made.board.info.id.to_string();
    shows(&bob, &id, &[]).await?;
    add(&bob, &id, "by bob").await?;
    shows(&alice, &id, &["by bob"]).await?;
    let comment = NewComment {
        reference: Some("sales".to_owned()),
        board: None,
        card: None,
        text: "new?".to_owned(),
    };
    let _: CommentInfo = alice.api().send(Method::POST, "/comments", &comment).await?;

    let file = cluster.path().join("main.dsp");
    let file = file.to_str().context("a path of text")?;
    for (node, args) in [(&alice, ["export", "main", file]), (&carol, ["import", file, "--json"])] {
        let output = node.cli(&[&["archive"], &args[..]].concat()).await?;
        ensure!(output.status.success(), "{output:?}");
    }
    shows(&carol, &id, &["by bob"]).await?;
    let said: Vec<CommentInfo> =
        carol.api().list("/comments", &[("ref", "alice/main:sales")]).await?;
    ensure!(said.len() == 1 && said[0].text == "new?", "{said:?}");
    Ok(())
}

//  alice, who takes a card and then the dashboard away, and both back
#[tokio::test]
async fn a_removed_dashboard_and_a_removed_card_are_undone() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [alice] = cluster.start(["alice"]).await?;
    let new = NewBoard { context: None, title: "Week".to_owned(), ops: Vec::new() };
    let made: BoardChanged = alice.api().send(Method::POST, "/boards", &new).await?;
    let id = made.board.info.id.to_string();
    let added = add(&alice, &id, "one").await?.added;
    add(&alice, &id, "two").await?;
    let gone = ChangeBoard { ops: vec![BoardOp::RemoveCard { card: added[0].clone() }] };
    let path = format!("/boards/{id}/changes");
    let _: BoardChanged = alice.api().send(Method::POST, &path, &gone).await?;
    shows(&alice, &id, &["two"]).await?;
    let removed = alice.cli(["dashboards", "rm", &id, "--yes"]).await?;
    ensure!(removed.status.success(), "{removed:?}");
    // The card waits for its dashboard.
    let listed = alice.cli(["undo", "--list"]).await?;
    ensure!(listed.stdout.contains("the dashboard was removed since"), "{listed:?}");
    for what in ["removed the dashboard Week", "removed the card one from the dashboard Week"] {
        let undone = alice.cli(["undo", "--yes"]).await?;
        ensure!(undone.stdout.contains(what), "{undone:?}");
    }
    shows(&alice, &id, &["one", "two"]).await?;
    let nothing = alice.cli(["undo", "--yes"]).await?;
    ensure!(!nothing.status.success(), "{nothing:?}");
    Ok(())
}
