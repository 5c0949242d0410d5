//! The blocks of a page.

use std::ops::Range;

use anyhow::{Context as _, bail, ensure};

/// The owner of a block that names none.
const NOBODY: &str = "alice";

/// A page with its blocks.
#[derive(Debug)]
pub struct Page {
    lines: Vec<String>,
    /// Its blocks, in order.
    pub blocks: Vec<Block>,
}

/// A block of commands.
#[derive(Debug, PartialEq, Eq)]
pub struct Block {
    /// Whose home it is.
    pub owner: String,
    /// What the last command exits with; all before it exit with 0.
    pub code: i32,
    /// Its commands.
    pub steps: Vec<Step>,
}

/// A command with what it prints.
#[derive(Debug, PartialEq, Eq)]
pub struct Step {
    /// The command; lines after the first are those of a here-document.
    pub command: String,
    /// What the page says that it prints.
    pub expected: Vec<String>,
    /// Where that stands in the page.
    at: Range<usize>,
}

impl Page {
    /// Reads a page.
    ///
    /// # Errors
    /// A block is not closed, or its first line says what is not understood.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let mut blocks = Vec::new();
        let mut at = 0;
        while at < lines.len() {
            let Some(info) = lines[at].strip_prefix("```") else {
                at += 1;
                continue;
            };
            let begin = at + 1;
            let length = lines[begin..].iter().position(|line| line == "```");
            let end = begin + length.with_context(|| format!("line {begin}: never closed"))?;
            let commands = lines[begin..end].first().is_some_and(|line| line.starts_with("$ "));
            if commands {
                blocks.push(
                    block(info, &lines, begin..end).with_context(|| format!("line {begin}"))?,
                );
            }
            at = end + 1;
        }
        Ok(Page { lines, blocks })
    }

    /// Returns the text of the page with other outputs, one for each command of each block.
    pub fn with_outputs(&self, outputs: &[Vec<String>]) -> String {
        let mut lines = self.lines.clone();
        let steps: Vec<&Step> = self.blocks.iter().flat_map(|block| &block.steps).collect();
        for (step, output) in steps.into_iter().zip(outputs).rev() {
            lines.splice(step.at.clone(), output.iter().cloned());
        }
        lines.join("\n") + "\n"
    }
}

fn block(info: &str, lines: &[String], range: Range<usize>) -> anyhow::Result<Block> {
    let (words, code) = match info.split_once(" (fail ") {
        None => (info, 0),
        Some((words, code)) => {
            let code = code.strip_suffix(')').and_then(|code| code.parse().ok());
            (words, code.with_context(|| format!("`{info}` names no exit code"))?)
        }
    };
    let owner = match words.split_whitespace().collect::<Vec<_>>()[..] {
        ["sh"] => NOBODY,
        ["sh", owner @ ("alice" | "bob")] => owner,
        _ => bail!("`{info}` is neither `sh`, `sh alice` nor `sh bob`"),
    };
    let mut steps: Vec<Step> = Vec::new();
    let mut at = range.start;
    while at < range.end {
        let Some(command) = lines[at].strip_prefix("$ ") else {
            let step = steps.last_mut().expect("a block begins with a command");
            step.expected.push(lines[at].clone());
            step.at.end = at + 1;
            at += 1;
            continue;
        };
        let mut command = command.to_owned();
        at += 1;
        if let Some((_, mark)) = command.split_once("<<") {
            let mark = mark.trim_matches(|c: char| !c.is_alphanumeric()).to_owned();
            loop {
                ensure!(at < range.end, "the here-document `{mark}` does not end");
                command = format!("{command}\n{}", lines[at]);
                at += 1;
                if lines[at - 1] == mark {
                    break;
                }
            }
        }
        steps.push(Step { command, expected: Vec::new(), at: at..at });
    }
    Ok(Block { owner: owner.to_owned(), code, steps })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# x\n\n```sh\n$ a\none\n\ntwo\n$ cat > f <<EOF\nin\nEOF\n```\n\n\
        ```text\n$5\n```\n\n```sh bob (fail 3)\n$ b\n```\nend\n";

    #[test]
    fn blocks_have_owners_codes_and_commands() {
        let page = Page::parse(TEXT).unwrap();
        let [first, second] = &page.blocks[..] else { panic!("{page:?}") };
        assert_eq!((first.owner.as_str(), first.code), ("alice", 0));
        assert_eq!(first.steps[0].expected, ["one", "", "two"]);
        assert_eq!(first.steps[1].command, "cat > f <<EOF\nin\nEOF");
        assert_eq!((second.owner.as_str(), second.code), ("bob", 3));
        assert!(Page::parse("```sh carol\n$ a\n```\n").is_err());
        assert!(Page::parse("```sh\n$ a\n").is_err());
    }

    #[test]
    fn outputs_are_put_in_place() {
        let page = Page::parse(TEXT).unwrap();
        let same: Vec<Vec<String>> =
            page.blocks.iter().flat_map(|b| b.steps.iter().map(|s| s.expected.clone())).collect();
        assert_eq!(page.with_outputs(&same), TEXT);
        let other = [vec!["new".to_owned()], Vec::new(), vec!["b".to_owned()]];
        let text = page.with_outputs(&other);
        assert!(text.contains("$ a\nnew\n$ cat"), "{text}");
        assert!(text.contains("$ b\nb\n```\nend"), "{text}");
    }
}
