//! Calls of a daemon's HTTP API over one connection, for what the command line is too slow for.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;

use anyhow::{Context as _, ensure};
use serde_json::Value;

use crate::node::field;

/// A connection that stays open.
pub(crate) struct Connection {
    reader: BufReader<TcpStream>,
    host: String,
    token: String,
}

impl Connection {
    /// Connects to the daemon with this home.
    ///
    /// # Errors
    /// None runs.
    pub(crate) fn open(home: &Path) -> anyhow::Result<Self> {
        let client: Value = serde_json::from_slice(&fs::read(home.join("run/client.json"))?)?;
        let address = field(&client, "address")?;
        let host = address.strip_prefix("http://").context("an address that is no http://")?;
        let stream = TcpStream::connect(host).with_context(|| host.to_owned())?;
        stream.set_nodelay(true)?;
        let token = field(&client, "token")?.to_owned();
        Ok(Connection { reader: BufReader::new(stream), host: host.to_owned(), token })
    }

    /// Gets a path of the API, such as `/stacks`.
    ///
    /// # Errors
    /// The daemon answers with anything but 200.
    pub(crate) fn get(&mut self, path: &str) -> anyhow::Result<Vec<u8>> {
        self.call("GET", path, None)
    }

    /// Posts to a path that answers step by step, and returns the result of the last step.
    ///
    /// # Errors
    /// The daemon answers with anything but 200, or the call fails on the way.
    pub(crate) fn post(&mut self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let answer = self.call("POST", path, Some(body))?;
        let last = answer.split(|byte| *byte == b'\n').rfind(|line| !line.is_empty());
        let mut last: Value = serde_json::from_slice(last.context("an answer without a step")?)?;
        ensure!(last["step"] == "done", "{path} ended with {last}");
        Ok(last["result"].take())
    }

    fn call(&mut self, method: &str, path: &str, body: Option<&Value>) -> anyhow::Result<Vec<u8>> {
        let body = body.map(Value::to_string).unwrap_or_default();
        let (host, token, length) = (&self.host, &self.token, body.len());
        let request = format!(
            "{method} /api/v1{path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        self.reader.get_mut().write_all(request.as_bytes())?;
        let status = self.line()?;
        let (mut length, mut chunked) = (0, false);
        loop {
            let line = self.line()?.to_ascii_lowercase();
            match line.split_once(": ") {
                Some(("content-length", value)) => length = value.parse()?,
                Some(("transfer-encoding", "chunked")) => chunked = true,
                Some(_) => {}
                None => break,
            }
        }
        let answer = if chunked { self.chunks()? } else { self.bytes(length)? };
        let told = || String::from_utf8_lossy(&answer).into_owned();
        ensure!(status.contains(" 200 "), "{path} answered {status}: {}", told());
        Ok(answer)
    }

    fn chunks(&mut self) -> anyhow::Result<Vec<u8>> {
        let mut all = Vec::new();
        loop {
            let length = usize::from_str_radix(&self.line()?, 16)?;
            all.extend(self.bytes(length)?);
            self.line()?;
            if length == 0 {
                return Ok(all);
            }
        }
    }

    fn bytes(&mut self, length: usize) -> anyhow::Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        self.reader.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    fn line(&mut self) -> anyhow::Result<String> {
        let mut line = String::new();
        let length = self.reader.read_line(&mut line)?;
        ensure!(length > 0, "the daemon closed the connection");
        Ok(line.trim_end().to_owned())
    }
}
