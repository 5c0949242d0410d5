//! From operations on a dashboard to what they set on its board.
//!
//! `cards` holds of each card `<card>/kind`, `context`, `user`, `stack`, `name`, `pin`, `title`,
//! `description`, `map` and `fixed`; `layout` holds `<card>/order`, `span`, `height` and `tab`, and
//! `tabs`; `params` the setting of each param; `text` the text of each card and `description`. A card
//! is there as long as its kind is.

use std::collections::BTreeSet;

use dsp_protocol::api::{BoardOp, BoardParam, CardHeight, CardKind, NewCard, Problem};
use dsp_protocol::doc::{BoardContent, BoardEdit, BoardPart, BoardValue};
use dsp_protocol::id::{ContextId, FrameId, StackId, UserId};

use super::super::problem::{bad_request, not_found};

/// Most bytes of a title, a tab or the name of a param.
const TITLE_BYTES: usize = 256;
/// Most bytes of a text.
const TEXT_BYTES: usize = 32 << 10;
/// Most tabs.
const TABS: usize = 32;
/// Most cards: a board has room for some ten thousand keys.
const CARDS: usize = 500;

/// What a new card shows.
#[derive(Clone, Debug)]
pub(super) struct Shows {
    pub(super) context: ContextId,
    pub(super) user: UserId,
    pub(super) stack: StackId,
    pub(super) name: String,
    pub(super) frame: Option<FrameId>,
}

/// Collects what operations set, each seeing those before.
pub(super) struct Drafter {
    content: BoardContent,
    edits: Vec<BoardEdit>,
    added: Vec<String>,
}

/// Returns the cards of a board in their order.
pub(super) fn cards(content: &BoardContent) -> Vec<String> {
    let kinds = content.keys().filter(|(part, _)| *part == BoardPart::Cards);
    let mut cards: Vec<(String, String)> = kinds
        .filter_map(|(_, key)| key.strip_suffix("/kind"))
        .map(|card| (text(content, BoardPart::Layout, &format!("{card}/order")), card.to_owned()))
        .collect();
    cards.sort();
    cards.into_iter().map(|(_, card)| card).collect()
}

/// Returns a text of a board, empty where none stands there.
pub(super) fn text(content: &BoardContent, part: BoardPart, key: &str) -> String {
    match content.get(&(part, key.to_owned())) {
        Some(BoardValue::Text(text)) => text.clone(),
        _ => String::new(),
    }
}

fn checked(what: &str, text: String, most: usize) -> Result<String, Problem> {
    match text.len() > most {
        true => Err(bad_request(format!("{what} has {} bytes, of at most {most}", text.len()))),
        false => Ok(text),
    }
}

impl Drafter {
    pub(super) fn new(content: BoardContent) -> Self {
        Drafter { content, edits: Vec::new(), added: Vec::new() }
    }

    pub(super) fn done(self) -> (Vec<BoardEdit>, Vec<String>) {
        (self.edits, self.added)
    }

    fn set(&mut self, part: BoardPart, key: String, value: Option<BoardValue>) {
        let place = (part, key.clone());
        match &value {
            Some(value) => drop(self.content.insert(place, value.clone())),
            None => drop(self.content.remove(&place)),
        }
        self.edits.push(BoardEdit { part, key, value });
    }

    fn set_text(&mut self, part: BoardPart, key: String, text: String) {
        self.set(part, key, Some(BoardValue::Text(text)));
    }

    fn card(&self, card: String) -> Result<String, Problem> {
        match self.content.contains_key(&(BoardPart::Cards, format!("{card}/kind"))) {
            true => Ok(card),
            false => Err(not_found(format!("the dashboard has no card `{card}`"))),
        }
    }

    pub(super) fn op(&mut self, op: BoardOp, shows: Option<Shows>) -> Result<(), Problem> {
        match op {
            BoardOp::SetTitle { title } => {
                let title = checked("the title", title, TITLE_BYTES)?;
                self.set_text(BoardPart::Field, "title".to_owned(), title);
            }
            BoardOp::SetDescription { text } => {
                let text = checked("the description", text, TEXT_BYTES)?;
                self.set_text(BoardPart::Text, "description".to_owned(), text);
            }
            BoardOp::SetTabs { tabs } => {
                if tabs.len() > TABS || tabs.iter().any(|tab| tab.len() > TITLE_BYTES) {
                    return Err(bad_request(format!(
                        "at most {TABS} tabs, each of at most {TITLE_BYTES} bytes"
                    )));
                }
                self.set_text(BoardPart::Layout, "tabs".to_owned(), json(&tabs));
            }
            BoardOp::AddCard(card) => self.add(card, shows)?,
            BoardOp::UpdateCard { card, title, description, text, tab, map, fixed } => {
                let card = self.card(card)?;
                self.texts(&card, title, description, text, tab)?;
                if let Some(map) = map {
                    let map = checked("the map", json(&map), TEXT_BYTES)?;
                    self.set_text(BoardPart::Cards, format!("{card}/map"), map);
                }
                if let Some(fixed) = fixed {
                    let fixed = checked("what is fixed", json(&fixed), TEXT_BYTES)?;
                    self.set_text(BoardPart::Cards, format!("{card}/fixed"), fixed);
                }
            }
            BoardOp::PinCard { card, frame } => {
                let card = self.card(card)?;
                let frame = frame.map(|frame| BoardValue::Text(frame.to_string()));
                self.set(BoardPart::Cards, format!("{card}/pin"), frame);
            }
            BoardOp::MoveCard { card, before } => {
                let card = self.card(card)?;
                self.place(&card, before)?;
            }
            BoardOp::ResizeCard { card, span, height } => {
                let card = self.card(card)?;
                self.size(&card, span, height)?;
            }
            BoardOp::RemoveCard { card } => {
                let card = self.card(card)?;
                let prefix = format!("{card}/");
                let keys: Vec<_> = self
                    .content
                    .keys()
                    .filter(|(part, key)| {
                        key.starts_with(&prefix) || (*part == BoardPart::Text && *key == card)
                    })
                    .cloned()
                    .collect();
                for (part, key) in keys {
                    self.set(part, key, None);
                }
            }
            BoardOp::SetParam { param, setting } => {
                let param = checked("the param", param, TITLE_BYTES)?;
                if param.is_empty() {
                    return Err(bad_request("a param has a name"));
                }
                let setting = setting.map(|setting: BoardParam| json(&setting));
                let setting = setting.map(|s| checked("the setting", s, TEXT_BYTES)).transpose()?;
                self.set(BoardPart::Params, param, setting.map(BoardValue::Text));
            }
        }
        Ok(())
    }

    fn add(&mut self, new: NewCard, shows: Option<Shows>) -> Result<(), Problem> {
        let there = cards(&self.content);
        if there.len() >= CARDS {
            return Err(bad_request(format!("a dashboard has at most {CARDS} cards")));
        }
        let kind = new.kind.unwrap_or(match shows {
            Some(_) => CardKind::Stack,
            None => CardKind::Text,
        });
        if matches!(kind, CardKind::Stack | CardKind::Metric) && shows.is_none() {
            return Err(bad_request("a card of a stack names the stack: `ref`"));
        }
        let card = new_id(&there)?;
        let set = |drafter: &mut Drafter, field: &str, text: String| {
            drafter.set_text(BoardPart::Cards, format!("{card}/{field}"), text);
        };
        set(self, "kind", word(&kind));
        if let Some(shows) = shows {
            set(self, "context", shows.context.to_string());
            set(self, "user", shows.user.to_string());
            set(self, "stack", shows.stack.to_string());
            set(self, "name", shows.name);
            if let Some(frame) = shows.frame {
                set(self, "pin", frame.to_string());
            }
        }
        self.texts(&card, new.title, new.description, new.text, new.tab)?;
        self.size(&card, Some(new.span.unwrap_or(6)), new.height)?;
        self.place(&card, new.before)?;
        self.added.push(card);
        Ok(())
    }

    fn texts(
        &mut self,
        card: &str,
        title: Option<String>,
        description: Option<String>,
        text: Option<String>,
        tab: Option<String>,
    ) -> Result<(), Problem> {
        let fields = [
            (BoardPart::Cards, format!("{card}/title"), "the title", title, TITLE_BYTES),
            (
                BoardPart::Cards,
                format!("{card}/description"),
                "the description",
                description,
                TEXT_BYTES,
            ),
            (BoardPart::Text, card.to_owned(), "the text", text, TEXT_BYTES),
            (BoardPart::Layout, format!("{card}/tab"), "the tab", tab, TITLE_BYTES),
        ];
        for (part, key, what, text, most) in fields {
            if let Some(text) = text {
                let text = checked(what, text, most)?;
                self.set_text(part, key, text);
            }
        }
        Ok(())
    }

    fn size(
        &mut self,
        card: &str,
        span: Option<u8>,
        height: Option<CardHeight>,
    ) -> Result<(), Problem> {
        if let Some(span) = span {
            if !(1..=12).contains(&span) {
                return Err(bad_request(format!("a card is 1 to 12 wide, not {span}")));
            }
            let span = Some(BoardValue::Int(span.into()));
            self.set(BoardPart::Layout, format!("{card}/span"), span);
        }
        if let Some(height) = height {
            self.set_text(BoardPart::Layout, format!("{card}/height"), word(&height));
        }
        Ok(())
    }

    /// Puts a card before another, or last.
    fn place(&mut self, card: &str, before: Option<String>) -> Result<(), Problem> {
        let before = before.map(|before| self.card(before)).transpose()?;
        if before.as_deref() == Some(card) {
            return Ok(());
        }
        let mut others = cards(&self.content);
        others.retain(|other| other != card);
        let order =
            |card: &String| text(&self.content, BoardPart::Layout, &format!("{card}/order"));
        let at = before.map_or(others.len(), |before| {
            others.iter().position(|other| *other == before).unwrap_or(others.len())
        });
        let low = at.checked_sub(1).map(|at| order(&others[at])).unwrap_or_default();
        // Of two with one order, put there by two people at once, there is no between.
        let high = others.get(at).map(order).filter(|high| *high > low);
        let order = between(&low, high.as_deref());
        self.set_text(BoardPart::Layout, format!("{card}/order"), order);
        Ok(())
    }
}

fn json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("a value of the API has a JSON form")
}

/// Returns the word of a value that is one in JSON.
pub(super) fn word<T: serde::Serialize>(value: &T) -> String {
    json(value).trim_matches('"').to_owned()
}

fn new_id(there: &[String]) -> Result<String, Problem> {
    let there: BTreeSet<&String> = there.iter().collect();
    loop {
        let mut bytes = [0; 5];
        getrandom::fill(&mut bytes).map_err(|error| super::internal(&error))?;
        let id = data_encoding::HEXLOWER.encode(&bytes);
        if !there.contains(&id) {
            return Ok(id);
        }
    }
}

/// Returns a text between two in order; `low` may be empty, and no `high` means the end.
fn between(low: &str, high: Option<&str>) -> String {
    const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    let digit = |text: &str, at: usize| {
        let byte = text.as_bytes().get(at);
        byte.map(|byte| DIGITS.iter().position(|digit| digit == byte).unwrap_or(0))
    };
    let mut out = String::new();
    let mut bound = high;
    for at in 0.. {
        let from = digit(low, at).unwrap_or(0);
        let to = bound.and_then(|high| digit(high, at)).unwrap_or(DIGITS.len());
        if to > from + 1 {
            out.push(char::from(DIGITS[(from + to) / 2]));
            break;
        }
        out.push(char::from(DIGITS[from]));
        if to > from {
            bound = None;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn there_is_always_a_place_between(cuts in proptest::collection::vec(any::<prop::sample::Index>(), 1..60)) {
            let mut orders: Vec<String> = vec![between("", None)];
            for cut in cuts {
                let at = cut.index(orders.len() + 1);
                let low = at.checked_sub(1).map_or("", |at| orders[at].as_str()).to_owned();
                let new = between(&low, orders.get(at).map(String::as_str));
                prop_assert!(new > low);
                prop_assert!(orders.get(at).is_none_or(|high| new < *high));
                orders.insert(at, new);
            }
        }
    }

    #[test]
    fn cards_are_put_moved_and_taken_away() {
        let mut drafter = Drafter::new(BoardContent::new());
        let text_card = |text: &str| NewCard { text: Some(text.to_owned()), ..NewCard::default() };
        for text in ["a", "b", "c"] {
            drafter.op(BoardOp::AddCard(text_card(text)), None).unwrap();
        }
        let [a, b, c] = <[String; 3]>::try_from(drafter.added.clone()).unwrap();
        assert_eq!(cards(&drafter.content), [a.clone(), b.clone(), c.clone()]);
        let before = Some(a.clone());
        drafter.op(BoardOp::MoveCard { card: c.clone(), before }, None).unwrap();
        assert_eq!(cards(&drafter.content), [c.clone(), a.clone(), b.clone()]);
        drafter.op(BoardOp::RemoveCard { card: a.clone() }, None).unwrap();
        assert_eq!(cards(&drafter.content), [c, b.clone()]);
        let gone = BoardOp::RemoveCard { card: a.clone() };
        assert!(drafter.op(gone, None).is_err());
        let wide = BoardOp::ResizeCard { card: b, span: Some(13), height: None };
        assert!(drafter.op(wide, None).is_err());
        assert!(!drafter.content.keys().any(|(_, key)| key.contains(&a)), "nothing is left");
    }
}
