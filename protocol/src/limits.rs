//! Every bound of the protocol, with its unit and the reason for it.
//!
//! A bound that is signed or sent is part of version 1: changing it splits the network.

/// Largest statement body in bytes: a statement stands alone in gossip, tickets and archives.
pub const STATEMENT_BYTES: usize = 4 * 1024;
/// Largest statement with its key and signature in bytes: the body and 111 fixed bytes.
pub const STATEMENT_ENCODED_BYTES: usize = STATEMENT_BYTES + 111;
/// Most features that a statement asks its reader to know.
pub const MUST: usize = 16;
/// Largest frame in bytes: larger ones list their files in directory objects.
pub const FRAME_BYTES: usize = 256 * 1024;
/// Largest lineage object in bytes.
pub const LINEAGE_BYTES: usize = 256 * 1024;
/// Most files listed inside a frame; above that the frame names a directory object.
pub const FRAME_FILES: usize = 256;
/// Most parents of a frame.
pub const FRAME_PARENTS: usize = 16;
/// Most parameters of a frame or an attachment.
pub const PARAMS: usize = 256;
/// Longest name of a parameter in bytes.
pub const PARAM_NAME_BYTES: usize = 128;
/// Longest text value of a parameter in bytes.
pub const PARAM_TEXT_BYTES: usize = 4 * 1024;
/// Most metrics of a frame.
pub const METRICS: usize = 1024;
/// Longest message of a frame in bytes.
pub const MESSAGE_BYTES: usize = 16 * 1024;
/// Most parameters of a frame that say how they are asked for.
pub const WIDGETS: usize = 64;
/// Most values that a widget puts in order.
pub const WIDGET_VALUES: usize = 256;
/// Longest label of a widget in bytes.
pub const WIDGET_LABEL_BYTES: usize = 128;
/// Longest unit of a widget in bytes.
pub const UNIT_BYTES: usize = 32;
/// Largest free-form settings in bytes.
pub const SETTINGS_BYTES: usize = 16 * 1024;
/// Longest path of an attachment in bytes.
pub const PATH_BYTES: usize = 1024;
/// Longest segment of a path in bytes: what file systems take.
pub const PATH_SEGMENT_BYTES: usize = 255;
/// Most entries of a directory object.
pub const DIRECTORY_ENTRIES: usize = 1024;
/// Largest directory object in bytes: 1,024 entries of the longest names and refs fit.
pub const DIRECTORY_BYTES: usize = 512 * 1024;
/// Deepest nesting of directory objects, leaves and inner nodes together.
pub const DIRECTORY_DEPTH: usize = 64;
/// Most files that a walk through a tree gives: a tree of few objects can be made to unfold
/// without end by naming the same folder again and again.
pub const TREE_FILES: u64 = 1 << 24;
/// Longest media type and longest application of an attachment in bytes.
pub const MEDIA_BYTES: usize = 128;
/// Longest description of an attachment in bytes.
pub const ATTACHMENT_TEXT_BYTES: usize = 4 * 1024;
/// Largest schema written into an attachment in bytes; larger ones are blobs.
pub const SCHEMA_BYTES: usize = 8 * 1024;
/// Deepest nesting of free-form settings, schemas and JSON parameters.
pub const SETTINGS_DEPTH: usize = 8;
/// Longest kind of a statement or a frame, and longest name of a feature, in bytes.
pub const KIND_BYTES: usize = 64;
/// Most features that a frame asks its reader to know.
pub const FEATURES: usize = 64;
/// Largest recipe in bytes: 226,000 chunks, or 14 GB in chunks of 64 KiB.
pub const RECIPE_BYTES: usize = 8 << 20;
/// Longest of the short texts of a lineage object (repository, entry point, host) in bytes.
pub const LINEAGE_TEXT_BYTES: usize = 1024;
/// Most inputs of a lineage object.
pub const LINEAGE_INPUTS: usize = 4096;
/// Longest command line recorded in a lineage object, in bytes.
pub const COMMAND_BYTES: usize = 32 * 1024;

/// Most entries of an identity log that count, and most that are kept beside those.
pub const IDENTITY_ENTRIES: usize = 1024;
/// Most bytes of an identity log that count, and most that are kept beside those.
pub const IDENTITY_BYTES: usize = 256 * 1024;
/// Recoveries that are taken even when an identity log is full: whoever stole the root must not
/// be able to lock the owner out by filling it.
pub const IDENTITY_RECOVERIES: usize = 16;
/// Most identity logs of users without a part in a context that are asked for on its account.
pub const GUEST_LOGS: usize = 256;
/// Most identity logs, above which none of users without a role in a context are taken.
pub const LOGS: usize = 8192;
/// Most redemptions of one ticket that are kept: each names a user, whom its holder may make up.
pub const REDEMPTIONS: usize = 1024;
/// Most owners of a context.
pub const OWNERS: usize = 8;
/// Most heads or tags that one replaces.
pub const OVER: usize = 16;
/// Most devices and incarnations that a member statement of this program names as seen; so many
/// fit whatever their numbers.
pub const SEEN: usize = 70;
/// Most frames, and most blobs, that one command withdraws: some hundred statements.
pub const WITHDRAWN: usize = 4096;
/// Most proofs of forks that a context keeps.
pub const FORKS: usize = 256;
/// Most of those that are about catalogs of one user: nobody's devices take the room for others'.
pub const FORKS_PER_USER: usize = 16;
/// Longest name of a context, a device, a tag or a person in bytes.
pub const NAME_BYTES: usize = 64;
/// Longest description of a context in bytes: fits a statement with room for the rest.
pub const ABOUT_BYTES: usize = 2 * 1024;
/// Most patterns of stack names that a policy takes, and most that it leaves out.
pub const POLICY_GLOBS: usize = 64;
/// Most of the newest frames of a stack that a policy counts.
pub const POLICY_LAST: u32 = 100_000;
/// Longest stack name in bytes.
pub const STACK_NAME_BYTES: usize = 255;

/// Longest comment in bytes: fits a statement with what it is about and what it replaces.
pub const COMMENT_BYTES: usize = 2 * 1024;
/// Longest id of a card of a dashboard in bytes.
pub const CARD_ID_BYTES: usize = 64;
/// Most dashboards of a context.
pub const BOARDS: usize = 1024;
/// Most of those that one user made.
pub const BOARDS_PER_USER: usize = 256;
/// Most devices and incarnations that write on one dashboard.
pub const BOARD_LINES: usize = 512;
/// Most of those that are one user's: nobody's devices take the room for others'.
pub const BOARD_LINES_PER_USER: usize = 64;
/// Most bytes of the changes of one user on one dashboard in one epoch that are here, those that do
/// not count among them: twice what her devices write, for what she wrote without knowing of it. In
/// unit tests so much that one of them reaches it.
pub const BOARD_USER_BYTES: u64 = if cfg!(test) { 1 << 20 } else { 2 * DEVICE_QUOTA_BYTES };
/// Most envelopes of a dashboard that wait while others are judged.
pub const BOARD_INBOX: usize = 512;
/// Most bytes of those.
pub const BOARD_INBOX_BYTES: usize = 2 << 20;

/// Largest change in an envelope in bytes.
pub const CHANGE_BYTES: usize = 64 * 1024;
/// Largest envelope in bytes: a change and its frame of fixed fields.
pub const ENVELOPE_BYTES: usize = CHANGE_BYTES + 1024;
/// Largest proof of a fork in bytes: two envelopes and a frame.
pub const FORK_BYTES: usize = 2 * ENVELOPE_BYTES + 64;
/// Most operations, and most predecessors, of a change: counted before automerge sees it.
pub const CHANGE_OPS: u64 = 4096;
/// Largest operation counter of a change: automerge panics near `u32::MAX`.
pub const MAX_OP: u64 = 1 << 31;
/// Longest key in a catalog in bytes (`<kind>/<id>`).
pub const CATALOG_KEY_BYTES: usize = 300;
/// Deepest nesting of objects in a board, the maps at its root being the first level.
pub const BOARD_DEPTH: usize = 8;
/// Most entries of maps and lists in a board.
pub const BOARD_ENTRIES: usize = 10_000;
/// Largest value or text in a board in bytes.
pub const BOARD_VALUE_BYTES: usize = 64 * 1024;
/// Most envelopes that carry over what stands on a board into a new epoch.
pub const EPOCH_PARTS: u32 = 4096;
/// Largest operation counter in a board: an epoch later its history begins anew.
pub const BOARD_OPS: u64 = 1 << 20;
/// Most bytes of the envelopes of one device and incarnation in one document, up to and including
/// any that is accepted.
pub const DEVICE_QUOTA_BYTES: u64 = 16 << 20;
/// Bytes of that quota that only statements about who may do what use: an owner whose catalog is
/// full can still remove somebody.
pub const QUOTA_RESERVE_BYTES: u64 = 256 << 10;
/// Most bytes of the envelopes of a board in one epoch, as far as an envelope knows of them.
pub const DOCUMENT_QUOTA_BYTES: u64 = 64 << 20;
/// Most envelopes of one device that wait for something not here yet.
pub const WAITING_PER_DEVICE: usize = 256;
/// Most bytes of envelopes that wait in one document.
pub const WAITING_BYTES: usize = 1 << 20;
/// Most bytes of envelopes that wait for authority in a context.
pub const WAITING_CONTEXT_BYTES: usize = 16 << 20;
/// Most bytes of those that one device brought.
pub const WAITING_PEER_BYTES: usize = 4 << 20;
/// Most catalogs that wait for authority in a context.
pub const WAITING_CONTEXT_CATALOGS: usize = 1024;
/// Most of those to which one device brought something.
pub const WAITING_PEER_CATALOGS: usize = 256;
/// How long an envelope waits for something not here yet, in milliseconds: one hour.
pub const WAITING_MS: i64 = 3_600_000;

/// Largest message on the sync stream in bytes.
pub const MESSAGE_WIRE_BYTES: usize = 1 << 20;
/// Most bytes taken from a peer before the first context matched.
pub const HELLO_BYTES: usize = 64 * 1024;
/// How long a hello may take, in milliseconds.
pub const HELLO_MS: i64 = 10_000;
/// How long a session without a common context stays open, in milliseconds.
pub const UNMATCHED_MS: i64 = 30_000;
/// Fewest tags in a hello; the number is padded to a power of two.
pub const HELLO_TAGS_MIN: usize = 8;
/// Most tags in a hello.
pub const HELLO_TAGS_MAX: usize = 1024;
/// Most envelopes judged in one batch.
pub const JUDGE_BATCH: usize = 256;
/// Most tips named for one document.
pub const TIPS: usize = 64;
/// Most hashes in one blob request.
pub const BLOB_REQUEST_HASHES: usize = 4096;
/// Most frames of a stack brought without being asked for.
pub const FRAMES_EAGER: usize = 200;
/// Most bytes of frames of a stack brought without being asked for.
pub const FRAMES_EAGER_BYTES: usize = 16 << 20;
/// Most frames asked for in one message.
pub const FRAMES_PER_WANT: usize = 64;
/// Most addresses in a ticket.
pub const TICKET_ADDRS: usize = 8;
/// Longest address in bytes, in a ticket or a message.
pub const ADDRESS_BYTES: usize = 256;
/// Most catalogs of a context.
pub const CATALOGS: usize = 4096;
/// Most catalogs of one user in a context: one for each device and incarnation.
pub const CATALOGS_PER_USER: usize = 512;
/// Most devices named in one message about where they can be reached.
pub const PEERS: usize = 64;
/// Most addresses of one device in such a message.
pub const PEER_ADDRESSES: usize = 8;
/// Most devices for which the word of one peer in one context is kept.
pub const PEERS_HEARD: usize = 256;
/// Most contexts offered in one message.
pub const OFFERS_MESSAGE: usize = 16;
/// Most contexts whose offers are kept.
pub const OFFERS: usize = 256;
/// Most of those that one user offers.
pub const OFFERS_PER_USER: usize = 32;
/// Largest ticket before it is written as text, in bytes.
pub const TICKET_BYTES: usize = 4 * 1024;
/// Grace after a ticket's end in milliseconds: clocks of teammates differ.
pub const TICKET_GRACE_MS: i64 = 600_000;
/// A time further ahead than this is shown as "clock ahead", in milliseconds.
pub const CLOCK_AHEAD_MS: i64 = 600_000;

/// Deepest nesting of a CBOR value: frames need 8 for settings, and their own four levels.
pub const CBOR_DEPTH: usize = 16;

/// Largest record of an archive in bytes, blobs aside, which are streamed: a message of envelopes
/// or frames, with room.
pub const ARCHIVE_RECORD_BYTES: usize = 1 << 20;
/// Most entries, envelopes or frames in a record of an archive.
pub const ARCHIVE_RECORD_ITEMS: usize = 1024;

/// Largest header of a blob request in bytes: a tag and a generation, with room for later keys.
pub const BLOB_HEADER_BYTES: usize = 1024;
/// Largest part of a blob request in bytes that says which ranges are wanted: reading it takes
/// time quadratic in the number of ranges.
pub const BLOB_RANGES_BYTES: usize = 4 * 1024;

/// Most contexts in one message that hands them to another device of the same user: each takes at
/// most 8 KiB, and a message 1 MiB.
pub const HANDED_CONTEXTS: usize = 64;
/// Most interest keys that are handed over of a context, the newest first: as many generations as
/// are shown to a device of a member.
pub const HANDED_INTERESTS: usize = 16;
/// Largest message in bytes of a pairing before the grant: keys, nonces and a name.
pub const PAIR_MESSAGE_BYTES: usize = 4 * 1024;
/// How long a pairing ticket holds, in milliseconds: the time to walk to the other machine.
pub const PAIR_TICKET_MS: i64 = 600_000;
/// Largest pairing ticket in bytes, before its text form.
pub const PAIR_TICKET_BYTES: usize = 4 * 1024;
/// Most asks that a pairing ticket answers before it is void: a secret of 32 bytes is not guessed,
/// and who knows it needs one.
pub const PAIR_ASKS: u32 = 8;

/// The least rate, in bytes a second, to which transfers of blobs can be limited: with less, peers
/// would take every stream for one that stalled.
pub const TRANSFER_RATE_LEAST: u64 = 64 << 10;
