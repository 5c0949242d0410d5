//! What a daemon that was just started says, by itself and by `dsp`, so that both say the same.

/// Returns what a user can do first: open the pages, and let dstack's clients push here. `login`
/// is the address that logs a browser in once, `address` that of the daemon, `user` what dstack's
/// clients call her, `home` that of the daemon where `dsp` has to be told of it.
pub fn first_steps(
    login: Option<&str>,
    address: &str,
    user: &str,
    home: Option<&str>,
) -> Vec<String> {
    let of_home = home.map(|home| format!(" --home {}", shell_word(home))).unwrap_or_default();
    let mut lines = Vec::new();
    if let Some(login) = login {
        lines.push(format!("in the browser, once and within a minute: {login}"));
    }
    lines.push(format!(
        "old code of dstack: `dsp profile add{of_home}` writes ~/.dstack/config.yaml for {user} at \
         {address}/api"
    ));
    let server = format!("{address}/api");
    lines.push(format!(
        "in R: {}; `dsp profile add --print{of_home}` prints it with a token",
        r_configure("default", user, "TOKEN", &server)
    ));
    lines
}

/// Returns a word as it has to be typed into a shell.
pub fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./:@~^#,=+%".contains(c);
    match !text.is_empty() && text.chars().all(plain) && !text.starts_with(['~', '#', '=']) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

/// Returns what dstack's users type in R.
pub fn r_configure(profile: &str, user: &str, token: &str, server: &str) -> String {
    let [profile, user, token, server] = [profile, user, token, server].map(r_text);
    format!(
        "configure(profile = {profile}, user = {user}, token = {token}, persist = \"global\", \
         server = {server})"
    )
}

/// Writes a text as R reads it.
fn r_text(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_home_is_named_where_it_is_needed() {
        let said = |home| first_steps(None, "http://127.0.0.1:7700", "alice", home).join("\n");
        assert!(said(None).contains("`dsp profile add` writes"), "{}", said(None));
        assert!(!said(None).contains("--home"), "{}", said(None));
        let named = said(Some("/data/my dsp"));
        for told in ["`dsp profile add --home '/data/my dsp'`", "--print --home '/data/my dsp'`"] {
            assert!(named.contains(told), "{named}");
        }
    }

    #[test]
    fn r_reads_what_was_meant() {
        assert_eq!(
            r_configure("default", "alice", "a\"\\b", "http://127.0.0.1:7700/api"),
            "configure(profile = \"default\", user = \"alice\", token = \"a\\\"\\\\b\", persist = \
             \"global\", server = \"http://127.0.0.1:7700/api\")"
        );
    }
}
