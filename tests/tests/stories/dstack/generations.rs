//! The clients that are not recorded: their requests built as they built them, and a reader that
//! does with each field of the answers what they did.

use anyhow::{Context as _, bail, ensure};
use data_encoding::BASE64;
use dsp_tests::Cluster;
use serde_json::{Map, Value, json};

use super::Client;

/// From this size of a request on, clients upload what they push, in bytes.
const MAX_SIZE: usize = 5_000_000;

/// A released client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Generation {
    /// Python 0.3: `type`, `os`, `message`.
    V03,
    /// Python 0.4: `content_type`, `settings`, `message`.
    V04,
    /// Python 0.6: `settings.client`, frame parameters.
    V06,
    /// R 0.2: as Python 0.3, with a time as text.
    R02,
}

const ALL: [Generation; 4] = [Generation::V03, Generation::V04, Generation::V06, Generation::R02];

/// Something that is pushed.
struct Attachment {
    bytes: Vec<u8>,
    params: Value,
}

/// What a client makes of an attachment that it pulled.
#[derive(Debug)]
struct FrameData {
    bytes: Vec<u8>,
    content_type: Option<String>,
    application: Option<String>,
    description: Option<String>,
    params: Map<String, Value>,
}

impl Generation {
    /// Returns the name of a stack of this client.
    fn stack(self, what: &str) -> String {
        format!("dstack/{}/{what}", format!("{self:?}").to_lowercase())
    }

    fn attachment(self, attachment: &Attachment) -> Value {
        let mut map = match self {
            Generation::V03 | Generation::R02 => json!({ "type": "text/csv" }),
            Generation::V04 | Generation::V06 => json!({
                "content_type": "text/csv", "application": "pandas/dataframe",
                "settings": { "header": true, "index": true, "schema": ["int64", "object"],
                    "encoding": "utf-8", "version": "1.1.0" },
            }),
        };
        map["description"] = json!("A table");
        if attachment.params != json!({}) {
            map["params"] = attachment.params.clone();
        }
        map
    }

    /// Builds a push without the bytes.
    fn frame(self, stack: &str, id: &str, message: Option<&str>) -> Value {
        let os = json!({ "sysname": "Linux", "release": "5.4", "version": "#1", "machine": "x86" });
        let python = "3.8.5 (default, Jul 20 2020, 23:11:29) [GCC 9.3.0]";
        let time = 1_600_000_000_123_i64;
        let mut frame = match self {
            Generation::V03 => json!({
                "timestamp": time, "client": "dstack-py", "version": "0.3.0", "os": os,
            }),
            Generation::V04 => json!({
                "timestamp": time, "client": "dstack-py", "version": "0.4.4",
                "settings": { "python": python, "os": os },
            }),
            Generation::V06 => json!({
                "timestamp": time,
                "settings": {
                    "python": { "major": 3, "minor": 8, "micro": 5, "releaselevel": "final",
                        "serial": 0, "version": python },
                    "os": { "system": "Linux", "release": "5.4" },
                    "client": { "client": "dstack-py", "version": "0.6.5" },
                },
                "params": { "message": message },
            }),
            Generation::R02 => json!({
                "timestamp": time.to_string(), "client": "dstack-r", "version": "0.2.1", "os": os,
            }),
        };
        frame["id"] = json!(id);
        frame["stack"] = json!(stack);
        if let (true, Some(message)) = (self != Generation::V06, message) {
            frame["message"] = json!(message);
        }
        frame
    }

    /// Pushes as this client did: all inline, or all announced and uploaded one after the other.
    /// Tells which it was.
    async fn push(
        self,
        client: &Client,
        frame: Value,
        attachments: &[Attachment],
    ) -> anyhow::Result<bool> {
        let encoded: Vec<String> =
            attachments.iter().map(|one| BASE64.encode(&one.bytes)).collect();
        let mut bare = frame.clone();
        bare["attachments"] = attachments.iter().map(|one| self.attachment(one)).collect();
        let mut whole = bare.clone();
        for (one, data) in
            whole["attachments"].as_array_mut().context("a list")?.iter_mut().zip(&encoded)
        {
            one["data"] = json!(data);
        }
        let size = match self {
            Generation::V03 | Generation::R02 => whole.to_string().len(),
            Generation::V04 | Generation::V06 => {
                let data: usize = encoded.iter().map(|data| data.len() + 12).sum();
                bare.to_string().len() + data
            }
        };
        let inline = size < MAX_SIZE;
        if !inline {
            let all = bare["attachments"].as_array_mut().context("a list")?;
            for (one, attachment) in all.iter_mut().zip(attachments) {
                one["length"] = json!(attachment.bytes.len());
            }
        }
        let answer = client.post("/api/stacks/push", if inline { &whole } else { &bare }).await?;
        ensure!(answer.status == 200, "{self:?}: {} {}", answer.status, answer.reason);
        let answer = answer.json()?;
        ensure!(answer["url"].is_string(), "KeyError: 'url'");
        if !inline {
            let uploads = answer["attachments"].as_array().context("KeyError: 'attachments'")?;
            for upload in uploads {
                let index = upload["index"].as_u64().context("KeyError: 'index'")?;
                let url = upload["upload_url"].as_str().context("KeyError: 'upload_url'")?;
                let bytes = &attachments[usize::try_from(index)?].bytes;
                let put = client.call(("PUT", client.place(url)?), None, bytes).await?;
                ensure!(put.status == 200, "{} {}", put.status, put.reason);
            }
        }
        Ok(inline)
    }

    /// Chooses an attachment as this client did.
    fn choose(self, attachments: &[Value], wanted: &Map<String, Value>) -> anyhow::Result<usize> {
        for (index, attachment) in attachments.iter().enumerate() {
            let params = attachment["params"].as_object().context("TypeError: params")?;
            let fits = match self {
                Generation::V06 => {
                    wanted.iter().all(|(name, value)| params.get(name) == Some(value))
                }
                // A set of pairs: no map is in one.
                _ if attachments.len() == 1 && wanted.is_empty() => true,
                _ if params.values().any(Value::is_object) => bail!("TypeError: unhashable"),
                _ => params == wanted,
            };
            if fits {
                return Ok(index);
            }
        }
        bail!("MatchException")
    }

    /// Pulls as this client did.
    async fn pull(self, client: &Client, stack: &str, wanted: Value) -> anyhow::Result<FrameData> {
        let answer = client.get(&format!("/api/stacks/{stack}")).await?;
        ensure!(answer.status != 404, "StackNotFoundError");
        ensure!(answer.status == 200, "HTTPError: {} {}", answer.status, answer.reason);
        let answer = answer.json()?;
        let head = &answer["stack"]["head"];
        let frame = head["id"].as_str().context("TypeError: head")?;
        let attachments = head["attachments"].as_array().context("KeyError: 'attachments'")?;
        let index = self.choose(attachments, wanted.as_object().context("a map")?)?;
        let path = format!("/api/attachs/{stack}/{frame}/{index}?download=true");
        let answer = client.get(&path).await?;
        ensure!(answer.status == 200, "HTTPError: {} {}", answer.status, answer.reason);
        let attachment = answer.json()?["attachment"].clone();
        let bytes = match (attachment.get("data"), attachment.get("download_url")) {
            (Some(data), None) => {
                BASE64.decode(data.as_str().context("data is no text")?.as_bytes())?
            }
            (None, Some(url)) => {
                let url = client.place(url.as_str().context("the address is no text")?)?;
                client.call(("GET", url), None, b"").await?.body
            }
            _ => bail!("KeyError: {attachment}"),
        };
        if self == Generation::V06 {
            // Its cache is good where the file has just this length.
            ensure!(attachment["length"] == bytes.len(), "the cache is thrown away");
        }
        let text = |name: &str| match attachment.get(name) {
            // A field that is there and null is a value to those clients.
            Some(Value::Null) => bail!("`{name}` is null"),
            Some(value) => Ok(Some(value.as_str().context("no text")?.to_owned())),
            None => Ok(None),
        };
        Ok(FrameData {
            bytes,
            content_type: text("content_type")?,
            application: text("application")?,
            description: text("description")?,
            params: attachment["params"].as_object().context("TypeError: params")?.clone(),
        })
    }
}

#[tokio::test]
async fn every_client_pulls_what_every_client_pushed() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [alice] = cluster.start(["alice"]).await?;
    let client = Client::of(&alice)?;
    for pushes in ALL {
        let table = b"\"\",\"code\"\n\"0\",\"007\"\n".to_vec();
        let one = Attachment { bytes: table.clone(), params: json!({}) };
        let stack = pushes.stack("table");
        let frame = pushes.frame(&stack, "5ab1c0de-0000-4000-8000-000000000001", Some("v2"));
        ensure!(pushes.push(&client, frame, &[one]).await?, "it is small");
        let plots: Vec<Attachment> = [0.5, 1.0, 1.5]
            .iter()
            .map(|c| Attachment {
                bytes: format!("{c}").into_bytes(),
                params: json!({ "Coefficient": c, "Flag": true }),
            })
            .collect();
        let many = pushes.stack("plots");
        let frame = pushes.frame(&many, "5ab1c0de-0000-4000-8000-000000000002", None);
        pushes.push(&client, frame, &plots).await?;
        for pulls in ALL {
            let told = format!("{pushes:?} to {pulls:?}");
            let pulled = pulls.pull(&client, &stack, json!({})).await.context(told.clone())?;
            assert_eq!(pulled.bytes, table, "{told}");
            assert_eq!(pulled.content_type.as_deref(), Some("text/csv"), "{told}");
            let pandas = matches!(pushes, Generation::V04 | Generation::V06);
            assert_eq!(pulled.application.is_some(), pandas, "{told}");
            assert_eq!(pulled.description.as_deref(), Some("A table"), "{told}");
            assert!(pulled.params.is_empty(), "{told}");
            let wanted = json!({ "Coefficient": 1.0, "Flag": true });
            let pulled = pulls.pull(&client, &many, wanted).await.context(told.clone())?;
            assert_eq!(pulled.bytes, b"1", "{told}");
            let none = pulls.pull(&client, &many, json!({ "Coefficient": 7 })).await;
            assert_eq!(none.unwrap_err().to_string(), "MatchException", "{told}");
            let none = pulls.pull(&client, "dstack/none", json!({})).await;
            assert_eq!(none.unwrap_err().to_string(), "StackNotFoundError", "{told}");
        }
        let answer = client.get(&format!("/api/stacks/{stack}")).await?.json()?;
        let frame = &answer["stack"]["frames"][0];
        assert_eq!(frame["timestamp"], 1_600_000_000_123_i64, "{pushes:?}");
        assert_eq!(frame["description"], "v2", "{pushes:?}");
        // What older ones read by `type`.
        let kind = &answer["stack"]["head"]["attachments"][0]["type"];
        assert_eq!(kind, "text/csv", "{pushes:?}");
    }
    Ok(())
}

#[tokio::test]
async fn what_is_below_five_million_bytes_comes_inline_and_the_rest_by_address()
-> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [alice] = cluster.start(["alice"]).await?;
    let client = Client::of(&alice)?;
    for pushes in ALL {
        // Four letters of base64 for three bytes: just on either side.
        for (name, length, inlined) in [("below", 3_749_000, true), ("above", 3_750_000, false)] {
            let bytes: Vec<u8> = (0..length).map(|n: u32| (n % 251) as u8).collect();
            let one = Attachment { bytes: bytes.clone(), params: json!({}) };
            let stack = pushes.stack(name);
            let id = format!("5ab1c0de-0000-4000-8000-{length:012}");
            let inline = pushes.push(&client, pushes.frame(&stack, &id, None), &[one]).await?;
            assert_eq!(inline, inlined, "{pushes:?} {name}");
            let pulled = pushes.pull(&client, &stack, json!({})).await?;
            assert!(pulled.bytes == bytes, "{pushes:?} {name}: {} bytes", pulled.bytes.len());
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_client_of_06_finds_a_frame_by_its_parameters() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [alice] = cluster.start(["alice"]).await?;
    let (client, pushes) = (Client::of(&alice)?, Generation::V06);
    let stack = pushes.stack("meta");
    for n in 1..=3 {
        let id = format!("5ab1c0de-0000-4000-8000-00000000000{n}");
        let mut frame = pushes.frame(&stack, &id, None);
        frame["params"] = json!({ "message": null, "run": if n == 3 { 1 } else { n } });
        let one = Attachment { bytes: format!("{n}").into_bytes(), params: json!({}) };
        pushes.push(&client, frame, &[one]).await?;
    }
    let answer = client.get(&format!("/api/stacks/{stack}")).await?.json()?;
    let frames = answer["stack"]["frames"].as_array().context("KeyError: 'frames'")?;
    // It takes the last one that fits, so the oldest has to come first.
    let ids = |run: i64| {
        let fits = frames.iter().filter(move |frame| frame["params"]["run"] == run);
        fits.filter_map(|frame| frame["id"].as_str()).next_back()
    };
    assert_eq!(ids(1), Some("5ab1c0de-0000-4000-8000-000000000003"));
    assert_eq!(ids(2), Some("5ab1c0de-0000-4000-8000-000000000002"));
    let path = format!("/api/frames/{stack}/{}", ids(2).context("it is there")?);
    let frame = client.get(&path).await?.json()?["frame"].clone();
    assert_eq!(frame["params"], json!({ "message": null, "run": 2 }));
    assert_eq!(frame["attachments"][0]["params"], json!({}));
    Ok(())
}
