//! dstack's released clients against real daemons: their requests as they were recorded, and their
//! way of reading answers.

mod generations;
mod memory;
mod permissions;
mod profiles;

use std::collections::HashMap;
use std::net::SocketAddr;

use anyhow::{Context as _, ensure};
use data_encoding::BASE64;
use dsp_protocol::api::ClientFile;
use dsp_tests::{Cluster, Node};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Requests of three clients; long data is cut to its beginning.
const RECORDED: [&str; 3] = [
    include_str!("../../../fixtures/dstack/requests-0.3.0.jsonl"),
    include_str!("../../../fixtures/dstack/requests-0.5.1.jsonl"),
    include_str!("../../../fixtures/dstack/requests-0.6.4.jsonl"),
];

/// A client of a daemon: a connection for each call, as those clients made them.
struct Client {
    address: SocketAddr,
    host: String,
    token: String,
}

/// What came back.
struct Answer {
    status: u16,
    reason: String,
    body: Vec<u8>,
}

impl Answer {
    fn json(&self) -> anyhow::Result<Value> {
        serde_json::from_slice(&self.body).context("the answer is no JSON")
    }
}

impl Client {
    fn of(node: &Node) -> anyhow::Result<Client> {
        let file = std::fs::read(node.home().join("run/client.json"))?;
        let file: ClientFile = serde_json::from_slice(&file)?;
        let host = file.address.strip_prefix("http://").context("an address")?;
        let host = host.trim_end_matches('/').to_owned();
        Ok(Client { address: host.parse()?, host, token: file.token })
    }

    /// Calls, and reads the answer off the socket: as many bytes as it says, none of them coded.
    async fn call(
        &self,
        (method, path): (&str, &str),
        token: Option<&str>,
        body: &[u8],
    ) -> anyhow::Result<Answer> {
        let mut socket = TcpStream::connect(self.address).await?;
        let mut head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nUser-Agent: python-requests/2.31.0\r\n\
             Accept-Encoding: gzip, deflate\r\nAccept: */*\r\nConnection: keep-alive\r\n",
            self.host
        );
        if let Some(token) = token {
            head += &format!("Authorization: Bearer {token}\r\n");
        }
        if method == "POST" {
            head += "Content-Type: application/json; charset=utf-8\r\n";
        }
        if method != "GET" {
            head += &format!("Content-Length: {}\r\n", body.len());
        }
        head += "\r\n";
        socket.write_all(head.as_bytes()).await?;
        socket.write_all(body).await?;
        let mut read = Vec::new();
        let end = loop {
            let at = read.windows(4).position(|four| four == b"\r\n\r\n");
            if let Some(at) = at {
                break at;
            }
            ensure!(socket.read_buf(&mut read).await? > 0, "the connection ended early");
        };
        let head = String::from_utf8(read[..end].to_vec())?;
        let mut lines = head.split("\r\n");
        let first = lines.next().unwrap_or_default();
        let (status, reason) = first[9..].split_once(' ').context("a status line")?;
        let headers: HashMap<String, String> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        ensure!(!headers.contains_key("transfer-encoding"), "chunked: {head}");
        ensure!(!headers.contains_key("content-encoding"), "coded: {head}");
        let length: usize = headers.get("content-length").context("KeyError")?.parse()?;
        let mut body = read.split_off(end + 4);
        let begun = body.len();
        ensure!(begun <= length, "more than was told");
        body.resize(length, 0);
        socket.read_exact(&mut body[begun..]).await?;
        Ok(Answer { status: status.parse()?, reason: reason.to_owned(), body })
    }

    /// Calls with another token.
    fn with_token(&self, token: &str) -> Client {
        Client { address: self.address, host: self.host.clone(), token: token.to_owned() }
    }

    async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Answer> {
        self.call(("POST", path), Some(&self.token), body.to_string().as_bytes()).await
    }

    async fn get(&self, path: &str) -> anyhow::Result<Answer> {
        self.call(("GET", path), Some(&self.token), b"").await
    }

    /// Pushes; what is announced by its length is uploaded as those clients do, without a token.
    async fn push(&self, push: &Value, large: &[u8]) -> anyhow::Result<Value> {
        let answer = self.post("/api/stacks/push", push).await?;
        ensure!(answer.status == 200, "{} {}: {push}", answer.status, answer.reason);
        let answer = answer.json()?;
        ensure!(answer["url"].is_string(), "{answer}");
        for upload in answer["attachments"].as_array().into_iter().flatten() {
            let url = upload["upload_url"].as_str().context("KeyError")?;
            let put = self.call(("PUT", self.place(url)?), None, large).await?;
            ensure!(put.status == 200, "{} {}", put.status, put.reason);
        }
        Ok(answer)
    }

    /// Pulls the attachment of a head that has some parameters.
    async fn pull(&self, stack: &str, params: &Value) -> anyhow::Result<Vec<u8>> {
        let answer = self.get(&format!("/api/stacks/{stack}")).await?;
        ensure!(answer.status == 200, "{stack}: {} {}", answer.status, answer.reason);
        let head = answer.json()?["stack"]["head"].clone();
        let attachments = head["attachments"].as_array().context("TypeError")?;
        let index = attachments.iter().position(|one| one["params"] == *params);
        let index = index.context("MatchException")?;
        let frame = head["id"].as_str().context("KeyError")?;
        let path = format!("/api/attachs/{stack}/{frame}/{index}?download=true");
        let attach = self.get(&path).await?.json()?["attachment"].clone();
        let bytes = match (attach["data"].as_str(), attach["download_url"].as_str()) {
            (Some(data), _) => BASE64.decode(data.as_bytes())?,
            (None, Some(url)) => self.call(("GET", self.place(url)?), None, b"").await?.body,
            (None, None) => anyhow::bail!("KeyError: {attach}"),
        };
        ensure!(attach["length"] == bytes.len(), "the length is not exact");
        Ok(bytes)
    }

    /// Returns what of an address comes behind the daemon.
    fn place<'a>(&self, url: &'a str) -> anyhow::Result<&'a str> {
        let base = format!("http://{}", self.host);
        url.strip_prefix(base.as_str()).context("the address is another daemon's")
    }
}

#[tokio::test]
async fn recorded_requests_are_answered_as_they_were() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [alice] = cluster.start(["alice"]).await?;
    let client = Client::of(&alice)?;
    for recorded in RECORDED {
        let requests: Vec<Value> =
            recorded.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
        for request in requests.iter().filter(|request| request["method"] == "POST") {
            let (path, body) = (request["path"].as_str().context("a path")?, &request["body"]);
            if path.ends_with("/push") {
                let length = body["attachments"][0]["length"].as_u64().unwrap_or(0);
                client.push(body, &vec![b'7'; usize::try_from(length)?]).await?;
            } else {
                let answer = client.post(path, body).await?;
                ensure!(answer.status == 200 && answer.json()? == json!({}), "{path}");
            }
        }
        // What was downloaded by address has another code every time.
        let gets = requests.iter().filter(|request| request["method"] == "GET");
        for request in gets.filter(|r| !r["path"].as_str().is_some_and(|p| p.contains("/files/"))) {
            let path = request["path"].as_str().context("a path")?;
            let answer = client.get(path).await?;
            ensure!(answer.status == request["status"], "{path}: {}", answer.reason);
            ensure!(answer.json()?.is_object(), "{path}");
        }
    }
    let small = client.pull("dstack/t0-5-1/data", &json!({})).await?;
    assert_eq!(
        small,
        b"\"\",\"a\",\"b\",\"c\"\n\"0\",\"1\",\"x\",\"1.5\"\n\"1\",\"2\",\"y\",\"2.5\"\n"
    );
    let big = client.pull("alice/t0-6-4/big", &json!({})).await?;
    assert!(big.len() > 5_000_000 && big.iter().all(|b| *b == b'7'));
    // What goes wrong is said where those clients look.
    let wrong = client.call(("GET", "/api/stacks/dstack/none"), Some("wrong"), b"").await?;
    assert_eq!(wrong.status, 403);
    assert!(wrong.reason.contains("token"), "{}", wrong.reason);
    Ok(())
}

//  alice <-- bob
//  alice's old client ~~weekly~~> bob's old client
#[tokio::test]
async fn what_an_old_client_pushes_is_pulled_from_a_peer() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [alice, bob] = cluster.start(["alice", "bob"]).await?;
    bob.follow(&alice.ticket().await?.ticket).await?;
    let (hers, his) = (Client::of(&alice)?, Client::of(&bob)?);
    let large: Vec<u8> =
        (0..6_000_000_u32).flat_map(|n| n.to_le_bytes()).take(10_500_000).collect();
    let push = json!({
        "id": "786ab2e9-2a46-48ca-9668-ec9d8f3661ae", "timestamp": 1_595_190_310_496_i64,
        "client": "dstack-py", "version": "0.5.1", "params": { "message": "week 1" },
        "attachments": [{ "content_type": "text/csv", "length": large.len() }],
        "stack": "alice/sales/weekly",
    });
    hers.push(&push, &large).await?;
    bob.eventually(async |_| {
        let answer = his.get("/api/stacks/alice/sales/weekly").await?;
        ensure!(answer.status == 200, "{} {}", answer.status, answer.reason);
        let stack = answer.json()?["stack"].clone();
        ensure!(
            stack["user"] == "alice" && stack["frames"][0]["description"] == "week 1",
            "{stack}"
        );
        Ok(())
    })
    .await?;
    let pulled = his.pull("alice/sales/weekly", &json!({})).await?;
    assert!(pulled == large, "{} bytes", pulled.len());
    // It stays hers: he can read it, and push nothing to it.
    let answer = his.post("/api/stacks/push", &push).await?;
    assert_eq!(answer.status, 403);
    Ok(())
}
