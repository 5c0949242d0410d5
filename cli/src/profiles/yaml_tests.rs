use super::*;

fn profile(server: &str, token: &str, user: &str) -> Profile {
    let some = |text: &str| Some(text.to_owned());
    Profile { server: some(server), token: some(token), user: some(user), unverified: false }
}

const WRITTEN: &str = "\
# mine
profiles:
  default:
    server: http://localhost:8080/api
    token: 11111111-2222-3333-4444-555555555555   # old
    user: dstack
    # of some tool
    colour:
      - red
  other:
    user: bob
    token: \"a\\\"b\"
    verify: false
# of the installer
server:
  jar: dstack-server.jar
  version: 0.1.5
";

#[test]
fn what_dstack_wrote_is_read() {
    let document = Document::parse(WRITTEN).unwrap();
    let names: Vec<&str> = document.profiles().map(|(name, _)| name).collect();
    assert_eq!(names, ["default", "other"]);
    let token = "11111111-2222-3333-4444-555555555555";
    assert_eq!(
        document.get("default"),
        Some(&profile("http://localhost:8080/api", token, "dstack"))
    );
    let other = document.get("other").unwrap();
    assert_eq!((other.token.as_deref(), other.unverified), (Some("a\"b"), true));
    assert_eq!(other.server, None);
    assert_eq!(document.text(), WRITTEN);
    let braced = "profiles:\n  default: {server: 'http://a/api', token: x, user: me, n: 1}\n";
    let braced = Document::parse(braced).unwrap();
    assert_eq!(braced.get("default"), Some(&profile("http://a/api", "x", "me")));
    for empty in ["", "profiles: {}\n", "profiles:\n", "---\nprofiles: null # none\n", "{}\n"] {
        let parsed = Document::parse(empty);
        assert!(empty == "{}\n" || parsed.unwrap().profiles().count() == 0, "{empty:?}");
    }
}

#[test]
fn a_profile_is_put_in_its_place_and_the_rest_stays() {
    let document = Document::parse(WRITTEN).unwrap();
    let new = profile("http://127.0.0.1:7700/api", "dsp_pat_1", "alice");
    let text = document.set("default", &new).unwrap().text();
    let expected = WRITTEN
        .replace("http://localhost:8080/api", "http://127.0.0.1:7700/api")
        .replace("11111111-2222-3333-4444-555555555555   # old", "dsp_pat_1")
        .replace("user: dstack", "user: alice");
    assert_eq!(text, expected);
    // What had no server gets one, and what is left out goes.
    let text = document.set("other", &new).unwrap().text();
    assert!(text.contains("  other:\n    server: http://127.0.0.1:7700/api\n    user: alice\n"));
    assert!(!text.contains("verify"), "{text}");
    // Another one comes last among them.
    let text = document.set("third one", &new).unwrap().text();
    assert!(text.contains("    verify: false\n  'third one':\n    server: http"), "{text}");
    assert!(text.ends_with("version: 0.1.5\n"));
    let braced = Document::parse("profiles:\n  a: {token: x, note: 7}\n").unwrap();
    assert_eq!(
        braced.set("a", &new).unwrap().text(),
        "profiles:\n  a:\n    server: http://127.0.0.1:7700/api\n    token: dsp_pat_1\n    user: \
         alice\n    note: 7\n"
    );
}

#[test]
fn a_file_begins_with_its_first_profile_and_ends_with_none() {
    let new = profile("http://127.0.0.1:7700/api", "11111111", "no");
    for before in ["", "profiles: {}\n", "profiles:\n", "server:\n  version: 0.1.5\n"] {
        let one = Document::parse(before).unwrap().set("default", &new).unwrap();
        let text = one.text();
        assert!(
            text.ends_with(
                "profiles:\n  default:\n    server: http://127.0.0.1:7700/api\n    token: \
                 '11111111'\n    user: 'no'\n"
            ),
            "{text}"
        );
        let none = one.without("default").unwrap().text();
        assert!(none.ends_with("profiles: {}\n"), "{none}");
    }
    let document = Document::parse(WRITTEN).unwrap().without("default").unwrap();
    assert!(document.text().starts_with("# mine\nprofiles:\n  other:\n    user: bob\n"));
    assert!(!document.text().contains("red"));
}

#[test]
fn lines_end_as_they_did() {
    let before = "profiles:\r\n  a:\r\n    token: x\r\n";
    let text = Document::parse(before).unwrap().set("b", &Profile::default()).unwrap().text();
    assert_eq!(text, format!("{before}  b:\r\n"));
}

#[test]
fn what_is_not_understood_is_refused_with_its_line() {
    for (text, line) in [
        ("profiles: {a: {token: x}}\n", 1),
        ("profiles: &x\n", 1),
        ("{profiles: {}}\n", 1),
        ("profiles:\n\ta:\n", 2),
        ("profiles:\n  a:\n    token: |\n      x\n", 3),
        ("profiles:\n  a:\n    token: x\n      y\n", 4),
        ("profiles:\n  a:\n    token: x\n      user: y\n", 4),
        ("profiles:\n  a:\n    token: x\n    token: y\n", 4),
        ("profiles:\n  a:\n    token: x\n  a:\n    token: y\n", 4),
        ("profiles:\n  a:\n    token: x\nprofiles:\n", 4),
        ("profiles:\n  a:\n    <<: *b\n    token: *b\n", 4),
        ("profiles:\n  a:\n    token: \"x\n", 3),
        ("profiles:\n  a:\n    token: \"\\x41\"\n", 3),
        ("profiles:\n  a:\n    token: 'x' y\n", 3),
        ("profiles:\n  a:\n    token: [x]\n", 3),
        ("profiles:\n   a:\n    token: x\n  b:\n", 4),
        ("profiles:\n  a: {token: x\n", 2),
        ("profiles:\n  a: {token: x}\n    user: y\n", 3),
        ("profiles:\n  - a\n", 2),
        ("profiles:\n  a: text\n", 2),
        ("profiles:\n- a\n", 2),
        ("a: \u{1b}[2J\n", 1),
        ("nonsense\n", 1),
    ] {
        let fault = Document::parse(text).unwrap_err();
        assert_eq!(fault.line, line, "{text:?}: {}", fault.reason);
    }
}

#[test]
fn any_text_is_read_back() {
    for text in ["x", "", "it's", "true", "No", "1e5", "a: b", "#", "a #b", "~", "ü", "{", "- a"] {
        let one = Profile { token: Some(text.to_owned()), ..Profile::default() };
        let document = Document::default().set(text, &one);
        match text.is_empty() {
            true => assert!(document.is_err(), "a name is not empty"),
            false => assert_eq!(document.unwrap().get(text), Some(&one), "{text:?}"),
        }
    }
}
