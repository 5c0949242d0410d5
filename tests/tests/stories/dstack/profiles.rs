//! Profiles: an old client reads the file that `dsp profile` wrote, and is let in.

use anyhow::{Context as _, ensure};
use dsp_tests::{Cluster, Node};
use serde_json::{Value, json};

use super::Client;

const OLD: &str = "0f8fad5b-d9cb-469f-a165-70867728950e";

async fn says(node: &Node, args: &[&str]) -> anyhow::Result<String> {
    let said = node.cli(args).await?;
    ensure!(said.status.success(), "{args:?}: {said:?}");
    Ok(said.stdout)
}

/// Returns what follows a key in the file.
fn field<'a>(text: &'a str, key: &str) -> anyhow::Result<&'a str> {
    let line = text.lines().find_map(|line| line.trim().strip_prefix(key)?.strip_prefix(": "));
    line.with_context(|| format!("`{key}` in {text}"))
}

#[tokio::test]
async fn an_old_client_is_let_in_by_its_profile_until_it_is_removed() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [alice] = cluster.start(["alice"]).await?;
    let path = cluster.path().join("config.yaml");
    let file = path.to_str().context("a path")?;
    std::fs::write(&path, "# mine\nprofiles:\n  other:\n    user: bob\n    token: x\n")?;
    says(&alice, &["profile", "add", "--file", file]).await?;
    let text = std::fs::read_to_string(&path)?;
    ensure!(text.starts_with("# mine\nprofiles:\n  other:\n    user: bob\n"), "{text}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(&path)?.permissions().mode() & 0o777, 0o600);
    }
    let admin = Client::of(&alice)?;
    assert_eq!(field(&text, "server")?, format!("http://{}/api", admin.host));
    let profile = text.split("  default:").nth(1).context("the profile")?;
    assert_eq!(field(profile, "user")?, "alice");
    let token = field(profile, "token")?.to_owned();
    let old = admin.with_token(&token);
    let push = |id: &str| {
        json!({
            "id": id, "timestamp": 1_600_000_000_000_i64, "stack": "alice/data",
            "attachments": [{ "content_type": "text/plain", "data": "aGVsbG8=" }],
        })
    };
    old.push(&push("a"), b"").await?;
    assert_eq!(old.pull("dstack/data", &json!({})).await?, b"hello");
    // It pushes and pulls, and no more than that.
    let share = json!({ "path": "alice/data", "user": "bob" });
    assert_eq!(old.post("/api/permissions/add", &share).await?.status, 403);
    let list = says(&alice, &["profile", "list", "--file", file, "--json"]).await?;
    ensure!(!list.contains(&token), "{list}");
    let list: Value = serde_json::from_str(&list)?;
    let states: Vec<&Value> =
        list["items"].as_array().context("items")?.iter().map(|one| &one["state"]).collect();
    assert_eq!(states, ["no_server", "good"]);
    // The daemon keeps no more than a hash, and says it nowhere.
    for folder in ["meta.redb", "logs"] {
        let place = alice.home().join(folder);
        let files = match place.is_dir() {
            true => {
                std::fs::read_dir(place)?.map(|e| Ok(e?.path())).collect::<anyhow::Result<_>>()?
            }
            false => vec![place],
        };
        for file in files {
            let bytes = std::fs::read(&file)?;
            let told = bytes.windows(token.len()).any(|window| window == token.as_bytes());
            ensure!(!told, "the token is in {}", file.display());
        }
    }
    // Once more changes nothing; by force the old token is revoked.
    says(&alice, &["profile", "add", "--file", file]).await?;
    assert_eq!(std::fs::read_to_string(&path)?, text);
    let refused = alice.cli(["profile", "add", "--user", "x", "--file", file]).await?;
    assert_eq!(refused.status.code(), Some(4), "{refused:?}");
    says(&alice, &["profile", "add", "--force", "--file", file]).await?;
    assert_eq!(old.get("/api/stacks/dstack/data").await?.status, 403);
    let text = std::fs::read_to_string(&path)?;
    let profile = text.split("  default:").nth(1).context("the profile")?;
    let old = admin.with_token(field(profile, "token")?);
    assert_eq!(old.get("/api/stacks/dstack/data").await?.status, 200);
    let refused = alice.cli(["profile", "remove", "--file", file]).await?;
    assert_eq!(refused.status.code(), Some(4), "{refused:?}");
    assert_eq!(old.get("/api/stacks/dstack/data").await?.status, 200);
    says(&alice, &["profile", "remove", "--force", "--file", file]).await?;
    assert_eq!(old.get("/api/stacks/dstack/data").await?.status, 403);
    let text = std::fs::read_to_string(&path)?;
    assert_eq!(text, "# mine\nprofiles:\n  other:\n    user: bob\n    token: x\n");
    Ok(())
}

#[tokio::test]
async fn a_kept_profile_goes_on_with_its_token_and_its_port() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [alice] = cluster.start(["alice"]).await?;
    let admin = Client::of(&alice)?;
    let (_, port) = admin.host.rsplit_once(':').context("a port")?;
    let path = cluster.path().join("kept.yaml");
    let server = format!("http://localhost:{port}/api");
    let kept = format!(
        "profiles:\n  default:\n    server: {server}\n    token: {OLD}\n    user: dstack\n"
    );
    std::fs::write(&path, &kept)?;
    let file = path.to_str().context("a path")?;
    let old = admin.with_token(OLD);
    assert_eq!(old.get("/api/stacks/dstack").await?.status, 403, "nobody knows it yet");
    // As old instructions say it.
    let line = ["config", "add", "--token", OLD, "--user", "dstack", "--server", &server];
    let said = alice.cli([&line[..], &["--file", file, "--force"]].concat()).await?;
    ensure!(said.status.success() && said.stderr.contains("`dsp profile add`"), "{said:?}");
    assert_eq!(std::fs::read_to_string(&path)?, kept.replace(OLD, &format!("'{OLD}'")));
    assert_eq!(old.get("/api/stacks/dstack").await?.status, 200);
    let push = json!({
        "id": "a", "timestamp": 1_600_000_000_000_i64, "stack": "dstack/data",
        "attachments": [{ "content_type": "text/plain", "data": "aGVsbG8=" }],
    });
    let answer = old.push(&push, b"").await?;
    ensure!(!answer.to_string().contains(OLD), "{answer}");
    Ok(())
}

#[tokio::test]
async fn profiles_that_are_written_at_once_are_all_there() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [alice] = cluster.start(["alice"]).await?;
    let path = cluster.path().join("config.yaml");
    let file = path.to_str().context("a path")?;
    let names: Vec<String> = (0..8).map(|n| format!("profile-{n}")).collect();
    let alice = &alice;
    let added = names
        .iter()
        .map(|name| async move { says(alice, &["profile", "add", name, "--file", file]).await });
    futures::future::try_join_all(added).await?;
    let list = says(alice, &["profile", "list", "--file", file, "--json"]).await?;
    let list: Value = serde_json::from_str(&list)?;
    let items = list["items"].as_array().context("items")?;
    let mut there: Vec<&str> = items.iter().filter_map(|one| one["profile"].as_str()).collect();
    there.sort_unstable();
    assert_eq!(there, names);
    assert!(items.iter().all(|one| one["state"] == "good"), "{list}");
    Ok(())
}

//  an old client, its profile for localhost and a port ~~~> dsp daemon start --port --home
#[tokio::test]
async fn a_daemon_is_started_where_a_kept_profile_looks_for_it() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let alice = cluster.node("alice");
    let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    // As `dstack server start --port 8080 --home DIR` left the folder behind.
    let folder = cluster.path().join("kept folder");
    let (old, text) = (folder.join(".dstack"), folder.join(".dstack/config.yaml"));
    std::fs::create_dir_all(old.join("data"))?;
    std::fs::write(old.join("data/dstack.sqlite3"), "SQLite format 3")?;
    let server = format!("http://localhost:{port}/api");
    let kept = format!(
        "profiles:\n  default:\n    server: {server}\n    token: '{OLD}'\n    user: dstack\n"
    );
    std::fs::write(&text, &kept)?;
    let (home, file) = (folder.to_str().context("a path")?, text.to_str().context("a path")?);
    let number = port.to_string();
    let started = says(&alice, &["daemon", "start", "--port", &number, "--home", home]).await?;
    let served = async {
        ensure!(started.contains(&number), "{started}");
        let profile = ["--token", OLD, "--user", "dstack", "--server", &server, "--file", file];
        let add = ["profile", "add", "--force", "--home", home];
        says(&alice, &[&add[..], &profile].concat()).await?;
        assert_eq!(std::fs::read_to_string(&text)?, kept, "as it was");
        let address = std::net::SocketAddr::from(([127, 0, 0, 1], port));
        let host = format!("localhost:{port}");
        let client = Client { address, host, token: OLD.to_owned() };
        let push = json!({
            "id": "a", "timestamp": 1_600_000_000_000_i64, "stack": "dstack/data",
            "attachments": [{ "content_type": "text/plain", "data": "aGVsbG8=" }],
        });
        let answer = client.push(&push, b"").await?;
        assert_eq!(answer["url"], format!("http://localhost:{port}/alice/data"));
        assert_eq!(client.pull("dstack/data", &json!({})).await?, b"hello");
        // What it keeps is in that folder, and comes back with it, at the same port.
        says(&alice, &["daemon", "stop", "--home", home]).await?;
        says(&alice, &["daemon", "start", "--home", home]).await?;
        assert_eq!(client.pull("dstack/data", &json!({})).await?, b"hello");
        assert_eq!(std::fs::read_to_string(old.join("data/dstack.sqlite3"))?, "SQLite format 3");
        anyhow::Ok(())
    };
    let served = served.await;
    says(&alice, &["daemon", "stop", "--home", home]).await?;
    served
}
