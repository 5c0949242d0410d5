use proptest::prelude::*;

use super::*;
use crate::id::UserId;

fn rule<T: FromStr<Err = NameError> + fmt::Debug>(text: &str) -> NameRule {
    text.parse::<T>().expect_err(text).rule().clone()
}

#[test]
fn stack_names() {
    for good in ["sales/weekly", "a", "_x/9.v-2", "Model.v1", &"a".repeat(255), "com10", "console"]
    {
        assert_eq!(good.parse::<StackName>().expect(good).as_str(), good);
    }
    assert_eq!(rule::<StackName>(""), NameRule::Empty);
    let long = "a".repeat(256);
    assert_eq!(rule::<StackName>(&long), NameRule::TooLong { limit: 255, actual: 256 });
    for (bad, c) in [("a b", ' '), ("naïve", 'ï'), ("a:b", ':'), ("a@b", '@'), ("a*", '*')] {
        assert_eq!(rule::<StackName>(bad), NameRule::StackCharacter(c));
    }
    // Shown as it is, it would break the line that tells of it.
    assert_eq!(rule::<StackName>("a\nb"), NameRule::Hidden('\n'));
    for bad in ["/a", "a/", "a//b"] {
        assert_eq!(rule::<StackName>(bad), NameRule::EmptySegment, "{bad}");
    }
    for (bad, c) in [("-rf", '-'), (".", '.'), ("a/../b", '.'), ("a/.git", '.')] {
        assert_eq!(rule::<StackName>(bad), NameRule::SegmentBegins(c), "{bad}");
    }
    assert_eq!(rule::<StackName>("a./b"), NameRule::SegmentEndsInDot);
    for bad in ["CON", "a/aux.csv", "com1", "LPT9.tar.gz"] {
        assert!(matches!(rule::<StackName>(bad), NameRule::DeviceName(_)), "{bad}");
    }
}

#[test]
fn tags() {
    for good in ["v1", "release/1.0", "best model", "2024", "abcde", "fertig-ü", "beheaded"] {
        assert_eq!(good.parse::<TagName>().expect(good).as_str(), good);
    }
    for c in ['~', '^', '@', '#', ':'] {
        assert_eq!(rule::<TagName>(&format!("a{c}b")), NameRule::Character(c));
    }
    for bad in ["head", "HEAD"] {
        assert_eq!(rule::<TagName>(bad), NameRule::Reserved("head"));
    }
    for bad in ["deadbeef", "20240101", "ABCDEF", &"a".repeat(64)] {
        assert_eq!(rule::<TagName>(bad), NameRule::LooksLikeId, "{bad}");
    }
    assert_eq!(rule::<TagName>("-v"), NameRule::LeadingDash);
    assert_eq!(rule::<TagName>(" v"), NameRule::OuterSpace);
    let long = "x".repeat(65);
    assert_eq!(rule::<TagName>(&long), NameRule::TooLong { limit: 64, actual: 65 });
}

#[test]
fn contexts_and_petnames() {
    for good in ["main", "Team Süd", "alice@work", "me too"] {
        assert_eq!(good.parse::<ContextName>().expect(good).as_str(), good);
        assert_eq!(good.parse::<Petname>().expect(good).as_str(), good);
    }
    for c in ['/', ':', '#'] {
        assert_eq!(rule::<ContextName>(&format!("a{c}b")), NameRule::Character(c));
        assert_eq!(rule::<Petname>(&format!("a{c}b")), NameRule::Character(c));
    }
    for bad in [".", ".."] {
        assert_eq!(rule::<ContextName>(bad), NameRule::DotSegment);
    }
    for bad in ["me", "Me"] {
        assert_eq!(rule::<Petname>(bad), NameRule::Reserved("me"));
    }
    assert_eq!(rule::<Petname>(&"0f".repeat(32)), NameRule::LooksLikeId);
}

#[test]
fn nothing_hidden_in_names() {
    for c in
        ['\0', '\n', '\x1b', '\u{7f}', '\u{85}', '\u{202e}', '\u{2066}', '\u{200f}', '\u{2028}']
    {
        let text = format!("a{c}b");
        assert_eq!(rule::<TagName>(&text), NameRule::Hidden(c));
        assert_eq!(rule::<ContextName>(&text), NameRule::Hidden(c));
        assert_eq!(rule::<Petname>(&text), NameRule::Hidden(c));
        assert_eq!(rule::<AttachmentPath>(&text), NameRule::Hidden(c));
        let shown = text.parse::<Petname>().unwrap_err().to_string();
        assert!(!shown.contains(c), "an error shows what it refuses: {shown:?}");
    }
    assert_eq!(rule::<Petname>("u\u{308}"), NameRule::NotNormal);
    assert_eq!(rule::<AttachmentPath>("u\u{308}"), NameRule::NotNormal);
}

#[test]
fn users() {
    assert_eq!("me".parse(), Ok(UserRef::Me));
    assert_eq!("alice".parse(), Ok(UserRef::Petname("alice".parse().unwrap())));
    let id = UserId::from_bytes([0xab; 32]);
    assert_eq!(id.to_string().parse(), Ok(UserRef::Id(id)));
    assert!("a/b".parse::<UserRef>().is_err());
}

#[test]
fn paths() {
    let long_segment = "s".repeat(255);
    let long_path = [["s"; 512].join("/"), "s".to_owned()].concat();
    for good in
        ["a", "a/b.csv", ".hidden", "...", "a b ", "CON", "x:y", "-rf", &long_segment, &long_path]
    {
        assert_eq!(good.parse::<AttachmentPath>().expect(good).as_str(), good);
    }
    assert_eq!(rule::<AttachmentPath>(""), NameRule::Empty);
    assert_eq!(rule::<AttachmentPath>("/etc/passwd"), NameRule::Absolute);
    for bad in ["..", "a/../b", "a/..", ".", "./a"] {
        assert_eq!(rule::<AttachmentPath>(bad), NameRule::DotSegment, "{bad}");
    }
    for bad in ["a/", "a//b"] {
        assert_eq!(rule::<AttachmentPath>(bad), NameRule::EmptySegment, "{bad}");
    }
    assert_eq!(rule::<AttachmentPath>("..\\a"), NameRule::Character('\\'));
    let bad = format!("{long_segment}s");
    assert_eq!(rule::<AttachmentPath>(&bad), NameRule::SegmentTooLong { limit: 255, actual: 256 });
    let bad = ["s"; 513].join("/");
    assert_eq!(rule::<AttachmentPath>(&bad), NameRule::TooLong { limit: 1024, actual: 1025 });
    assert_eq!(AttachmentPath::normalized("u\u{308}").unwrap().as_str(), "ü");
}

#[test]
fn portable_paths() {
    let path = |text: &str| text.parse::<AttachmentPath>().unwrap().portable();
    assert_eq!(path("data/été.csv"), Ok(()));
    assert!(matches!(path("a/aux.csv"), Err(NotPortable::DeviceName(_))));
    assert!(matches!(path("COM\u{b9}"), Err(NotPortable::DeviceName(_))));
    assert!(matches!(path("con .txt"), Err(NotPortable::DeviceName(_))));
    assert!(matches!(path("a./b"), Err(NotPortable::Ending(_))));
    assert!(matches!(path("a "), Err(NotPortable::Ending(_))));
    assert!(matches!(path("12:30.log"), Err(NotPortable::Character(':', _))));
}

#[test]
fn paths_are_ordered_as_folders_are_walked() {
    let mut paths: Vec<AttachmentPath> =
        ["a0", "a/z", "a-b", "a", "a/b/c"].map(|p| p.parse().unwrap()).to_vec();
    paths.sort();
    let sorted: Vec<&str> = paths.iter().map(AttachmentPath::as_str).collect();
    assert_eq!(sorted, ["a", "a/b/c", "a/z", "a-b", "a0"]);
}

#[test]
fn names_that_some_systems_confuse_collide() {
    for (a, b) in [
        ("README", "readme"),
        ("Straße", "STRASSE"),
        ("\u{fc}ber", "U\u{308}BER"),
        ("ΣΑΣ", "σας"),
        ("\u{212a}", "k"),
    ] {
        let mut seen = Folded::new();
        assert_eq!(seen.insert(a), Ok(true));
        assert_eq!(seen.insert(a), Ok(false));
        let collision = Collision { first: a.to_owned(), second: b.to_owned() };
        assert_eq!(seen.insert(b), Err(collision));
        assert_eq!(seen.insert("other"), Ok(true));
    }
}

#[test]
fn folding_any_letter_twice_is_folding_it_once() {
    for c in (0..=u32::from(char::MAX)).filter_map(char::from_u32) {
        let once = fold_key(c.encode_utf8(&mut [0; 4]));
        assert_eq!(fold_key(&once), once, "{c:?}");
    }
}

fn round_trips<T>(text: &str) -> Result<(), TestCaseError>
where
    T: FromStr<Err = NameError> + fmt::Display + fmt::Debug + PartialEq,
    T: serde::Serialize + for<'a> serde::Deserialize<'a>,
{
    if let Ok(name) = text.parse::<T>() {
        prop_assert_eq!(name.to_string(), text);
        let json = serde_json::to_string(&name).unwrap();
        prop_assert_eq!(serde_json::from_str::<T>(&json).unwrap(), name);
    } else {
        let json = serde_json::to_string(text).unwrap();
        prop_assert!(serde_json::from_str::<T>(&json).is_err());
    }
    Ok(())
}

proptest! {
    #[test]
    fn parsing_is_total_and_round_trips(text in prop_oneof![".{0,80}", "[a-c./\\\\_-]{0,12}"]) {
        round_trips::<StackName>(&text)?;
        round_trips::<TagName>(&text)?;
        round_trips::<ContextName>(&text)?;
        round_trips::<Petname>(&text)?;
        round_trips::<AttachmentPath>(&text)?;
        prop_assert_eq!(fold_key(&fold_key(&text)), fold_key(&text));
    }

    #[test]
    fn a_path_stays_below_its_folder(text in "[a./\\\\]{0,12}") {
        if let Ok(path) = text.parse::<AttachmentPath>() {
            let joined = std::path::Path::new("/root").join(path.as_str());
            prop_assert!(joined.starts_with("/root"));
            let plain = |c| matches!(c, std::path::Component::Normal(_));
            prop_assert!(std::path::Path::new(path.as_str()).components().all(plain));
        }
    }
}
