//! `dsp id devices` and `dsp id revoke`: who acts for me, and what is left of one that is lost.

use std::fmt::Write as _;

use dsp_protocol::api::{CutInfo, DeviceInfo, DeviceState, Page, Revoke, Revoked};
use hyper::Method;

use crate::App;
use crate::client::Url;
use crate::error::{Error, Result};
use crate::human;
use crate::output::{Ui, clean};
use crate::table::{Column, Table};

/// Most frames that are named before the question.
const FRAMES: usize = 5;

pub(super) async fn list(app: &App) -> Result<()> {
    let client = app.client().await?;
    let page: Page = client.get(&Url::new(&["identity", "devices"])).await?;
    let read = page.items.into_iter().map(serde_json::from_value::<DeviceInfo>);
    let devices = read.collect::<Result<Vec<_>, _>>();
    let devices =
        devices.map_err(|e| Error::failed("the daemon's answer is unreadable").cause(&e))?;
    app.ui.list(&devices, |ui| table(&devices, ui))
}

fn table(devices: &[DeviceInfo], ui: &Ui) -> String {
    let mut table = Table::new(&[
        Column::text("DEVICE"),
        Column::text("ID"),
        Column::text("STATE"),
        Column::text("LIMITED TO"),
        Column::text("UNTIL"),
        Column::text("SEEN"),
    ]);
    for device in devices {
        let seen = match (&device.seen, device.this || device.connected) {
            (_, true) if device.this => "this one".to_owned(),
            (_, true) => "connected".to_owned(),
            (Some(seen), false) => human::ago(seen, human::now()),
            (None, false) => "never".to_owned(),
        };
        table.row([
            clean(&device.name),
            device.device.short(),
            state(device.state).to_owned(),
            scope(device),
            device.until.as_deref().map_or_else(String::new, human::moment),
            seen,
        ]);
    }
    table.render(ui)
}

fn state(state: DeviceState) -> &'static str {
    match state {
        DeviceState::Live => "live",
        DeviceState::Revoked => "revoked",
        DeviceState::Frozen => "frozen",
    }
}

fn scope(device: &DeviceInfo) -> String {
    let contexts = device.contexts.as_ref().map(|contexts| clean(&contexts.join(", ")));
    let role = device.role.map(|role| format!("{role:?}").to_lowercase());
    match (contexts, role) {
        (None, None) => String::new(),
        (Some(contexts), None) => contexts,
        (None, Some(role)) => role,
        (Some(contexts), Some(role)) => format!("{contexts} as {role}"),
    }
}

pub(super) async fn revoke(app: &App, device: &str, since: Option<&str>) -> Result<()> {
    let client = app.client().await?;
    let url = Url::new(&["identity", "devices", device, "revoke"]);
    let request = |dry_run| Revoke { since: since.map(str::to_owned), dry_run };
    let would: Revoked = client.send_json(Method::POST, &url, &request(true)).await?;
    let name = clean(&would.device.name);
    app.ui.explain(&explain(&would, &name, since));
    app.ui.confirm(&format!("revoke {name} for ever?"))?;
    let revoked: Revoked = client.send_json(Method::POST, &url, &request(false)).await?;
    app.ui.result(&revoked, |_| format!("revoked {name}\n"))?;
    app.ui.note("others drop what is cut off as soon as they hear of it");
    Ok(())
}

fn explain(would: &Revoked, name: &str, since: Option<&str>) -> String {
    let mut text = match would.device.state {
        DeviceState::Revoked => format!("{name} is revoked; what is kept of it is said anew"),
        DeviceState::Live | DeviceState::Frozen => {
            format!("{name} ({}) will never act for you again", would.device.device.short())
        }
    };
    if would.contexts.is_empty() {
        text += "\nit said nothing in any context that is here";
    }
    for cut in &would.contexts {
        text += "\n";
        text += &of_context(cut);
    }
    if since.is_none() {
        text += "\nwhat is here of it by now goes on to count: --since says up to where it is good";
    }
    text
}

fn of_context(cut: &CutInfo) -> String {
    let mut text = format!(
        "{}: {} of it go on to count, {} do not",
        clean(&cut.label),
        human::count(cut.kept.into(), "statement"),
        cut.lost
    );
    for frame in cut.frames.iter().take(FRAMES) {
        let id = frame.frame.to_string();
        let (stack, time) = (clean(&frame.stack), human::moment(&frame.time));
        let _ = write!(text, "\n  gone: {stack} at {}, {time}", &id[..8]);
    }
    if cut.frames.len() > FRAMES {
        let _ = write!(text, "\n  and {} more", cut.frames.len() - FRAMES);
    }
    text
}
