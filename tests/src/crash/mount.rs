//! A disk that loses power, as a file system of the real system (FUSE). Linux with root.
//!
//! One thread serves it from memory. Nothing of it is cached by the system: what a program reads
//! or finds is asked for anew each time, so that a loss of power needs no unmounting.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use fuser::{
    BackgroundSession, BsdFileFlags, Config, Errno, FileAttr, FileHandle, FileType, Filesystem,
    FopenFlags, Generation, INodeNo, LockOwner, MountOption, OpenFlags, RenameFlags, ReplyAttr,
    ReplyCreate, ReplyData, ReplyDirectory, ReplyEmpty, ReplyEntry, ReplyOpen, ReplyStatfs,
    ReplyWrite, Request, TimeOrNow, WriteFlags,
};

use super::image::{Image, Ino, Kind, Node, ROOT};
use super::power::{Call, Fault, Shared};

/// How long the system may remember what it was told.
const TTL: Duration = Duration::ZERO;
/// The size of the disk in bytes, and of its blocks.
const SIZE: u64 = 4 << 30;
const BLOCK: u64 = 4096;
/// The longest file, in bytes: offsets beyond are a mistake.
const LONGEST: u64 = 1 << 30;

/// A disk that is mounted on a folder; unmounted when it is dropped.
#[derive(Debug)]
pub struct Disk {
    shared: Arc<Shared>,
    session: Option<BackgroundSession>,
    folder: PathBuf,
}

/// What is on a disk, to be put there again.
#[derive(Clone, Debug)]
pub struct Content(Image);

impl Disk {
    /// Mounts an empty disk on a folder, which is made.
    ///
    /// # Errors
    /// Says why that cannot be done here.
    pub fn mount(folder: &Path) -> Result<Disk, String> {
        let shared = Arc::new(Shared::new());
        std::fs::create_dir_all(folder).map_err(|error| error.to_string())?;
        let served = Served {
            shared: Arc::clone(&shared),
            lists: Mutex::default(),
            next: AtomicU64::new(1),
        };
        let mut config = Config::default();
        config.mount_options = vec![MountOption::FSName("dsp-crash".to_owned())];
        let session = fuser::spawn_mount(served, folder, &config);
        let session = session.map_err(|error| format!("no FUSE: {error}"))?;
        Ok(Disk { shared, session: Some(session), folder: folder.to_owned() })
    }

    /// Returns what is on the disk, as durable.
    pub fn content(&self) -> Content {
        let mut image = self.shared.lock().image.clone();
        image.sync_all();
        Content(image)
    }

    /// Puts something on the disk in place of what is there; nobody may use it meanwhile.
    pub fn put(&self, content: &Content) {
        self.shared.lock().image = content.0.clone();
    }

    /// Puts a copy of a folder on the disk in place of what is there.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn put_copy(&self, of: &Path) -> io::Result<()> {
        let mut image = Image::new();
        image.load(of, ROOT)?;
        self.shared.lock().image = image;
        Ok(())
    }

    /// Takes the power after some more changes: whoever asks for the next one is killed, and no
    /// change is made from then on.
    pub fn cut_after(&self, changes: u64) {
        self.shared.cut_after(changes);
    }

    /// Takes the power.
    pub fn cut(&self) {
        self.shared.cut();
    }

    /// Tells whether the power is gone.
    pub fn is_off_now(&self) -> bool {
        self.shared.is_off_now()
    }

    /// Waits until the power is gone.
    pub async fn is_off(&self) {
        self.shared.is_off().await;
    }

    /// Brings the power back, with what survived as the seed has it. Nobody may use the disk
    /// meanwhile.
    pub fn power_on(&self, seed: u64) {
        self.shared.lock().image.lose_power(seed);
        self.shared.is_on();
    }

    /// Lets calls fail: `lasts` of them, after `after` that would have.
    pub fn fail(&self, fault: Fault, after: u64, lasts: u64) {
        self.shared.fail(fault, after, lasts);
    }

    /// Lets no more calls fail, and returns how many did.
    pub fn mend(&self) -> u64 {
        self.shared.mend()
    }

    /// Lets the disk say that it synced, and not do it.
    pub fn lie(&self, lies: bool) {
        self.shared.lock().lies = lies;
    }

    /// Returns how many changes were asked for so far.
    pub fn changes(&self) -> u64 {
        self.shared.changes()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Detached, as whoever has a file open there may be about to end.
        let _ = Command::new("umount").arg("--lazy").arg(&self.folder).status();
        drop(self.session.take());
    }
}

/// What is in a folder that is being read.
type List = Vec<(Ino, FileType, OsString)>;

/// The disk as the system asks for it.
struct Served {
    shared: Arc<Shared>,
    /// Lists of folders being read.
    lists: Mutex<BTreeMap<u64, List>>,
    next: AtomicU64,
}

impl Served {
    fn make(
        &self,
        req: &Request,
        parent: INodeNo,
        name: &OsStr,
        node: Node,
    ) -> Result<FileAttr, Errno> {
        let mut state = self.shared.enter(Call::Make, req)?;
        let names = state.image.names(parent.0).ok_or(Errno::ENOTDIR)?;
        if names.contains_key(name) {
            return Err(Errno::EEXIST);
        }
        let ino = state.image.add(parent.0, name, node);
        attr(&state.image, ino)
    }

    fn remove(
        &self,
        req: &Request,
        parent: INodeNo,
        name: &OsStr,
        folder: bool,
    ) -> Result<(), Errno> {
        let mut state = self.shared.enter(Call::Name, req)?;
        let ino = find(&state.image, parent.0, name)?;
        match (state.image.names(ino), folder) {
            (Some(names), true) if !names.is_empty() => return Err(Errno::ENOTEMPTY),
            (Some(_), false) => return Err(Errno::EISDIR),
            (None, true) => return Err(Errno::ENOTDIR),
            (Some(_), true) | (None, false) => {}
        }
        state.image.rename(vec![(parent.0, name.to_owned(), None)]);
        Ok(())
    }

    fn sync(&self, req: &Request, ino: INodeNo) -> Result<(), Errno> {
        let mut state = self.shared.enter_sync(ino.0, req)?;
        if state.lies {
            return Ok(());
        }
        match state.image.names(ino.0) {
            Some(_) => state.image.sync_folder(ino.0),
            None => state.image.sync_file(ino.0),
        }
        Ok(())
    }
}

fn find(image: &Image, folder: Ino, name: &OsStr) -> Result<Ino, Errno> {
    image.names(folder).and_then(|names| names.get(name)).copied().ok_or(Errno::ENOENT)
}

fn file_type(kind: &Kind) -> FileType {
    match kind {
        Kind::File(_) => FileType::RegularFile,
        Kind::Folder(_) => FileType::Directory,
        Kind::Link(_) => FileType::Symlink,
        Kind::Socket => FileType::Socket,
    }
}

fn attr(image: &Image, ino: Ino) -> Result<FileAttr, Errno> {
    let node = image.node(ino).ok_or(Errno::ENOENT)?;
    let size = match &node.kind {
        Kind::File(file) => file.len() as u64,
        Kind::Link(target) => target.len() as u64,
        Kind::Folder(_) | Kind::Socket => 0,
    };
    Ok(FileAttr {
        ino: INodeNo(ino),
        size,
        blocks: size.div_ceil(512),
        atime: node.modified,
        mtime: node.modified,
        ctime: node.modified,
        crtime: node.modified,
        kind: file_type(&node.kind),
        perm: node.mode,
        nlink: 1,
        uid: node.uid,
        gid: node.gid,
        rdev: 0,
        blksize: BLOCK as u32,
        flags: 0,
    })
}

fn answer_entry(reply: ReplyEntry, attr: Result<FileAttr, Errno>) {
    match attr {
        Ok(attr) => reply.entry(&TTL, &attr, Generation(0)),
        Err(errno) => reply.error(errno),
    }
}

fn answer_attr(reply: ReplyAttr, attr: Result<FileAttr, Errno>) {
    match attr {
        Ok(attr) => reply.attr(&TTL, &attr),
        Err(errno) => reply.error(errno),
    }
}

fn answer(reply: ReplyEmpty, done: Result<(), Errno>) {
    match done {
        Ok(()) => reply.ok(),
        Err(errno) => reply.error(errno),
    }
}

impl Filesystem for Served {
    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let state = self.shared.lock();
        let found = find(&state.image, parent.0, name).and_then(|ino| attr(&state.image, ino));
        answer_entry(reply, found);
    }

    fn getattr(&self, _: &Request, ino: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        answer_attr(reply, attr(&self.shared.lock().image, ino.0));
    }

    fn setattr(
        &self,
        req: &Request,
        ino: INodeNo,
        mode: Option<u32>,
        uid: Option<u32>,
        gid: Option<u32>,
        size: Option<u64>,
        _: Option<TimeOrNow>,
        modified: Option<TimeOrNow>,
        _: Option<SystemTime>,
        _: Option<FileHandle>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let set = || {
            let mut state = self.shared.enter(Call::Write, req)?;
            match size {
                Some(size) if size > LONGEST => return Err(Errno::EFBIG),
                Some(size) if !state.image.set_len(ino.0, size as usize) => {
                    return Err(Errno::EINVAL);
                }
                Some(_) | None => {}
            }
            let node = state.image.node_mut(ino.0).ok_or(Errno::ENOENT)?;
            node.mode = mode.map_or(node.mode, |mode| mode as u16 & 0o7777);
            node.uid = uid.unwrap_or(node.uid);
            node.gid = gid.unwrap_or(node.gid);
            node.modified = match modified {
                Some(TimeOrNow::SpecificTime(time)) => time,
                Some(TimeOrNow::Now) => SystemTime::now(),
                None => node.modified,
            };
            attr(&state.image, ino.0)
        };
        answer_attr(reply, set());
    }

    fn readlink(&self, _: &Request, ino: INodeNo, reply: ReplyData) {
        match self.shared.lock().image.node(ino.0) {
            Some(Node { kind: Kind::Link(target), .. }) => reply.data(target.as_encoded_bytes()),
            Some(_) => reply.error(Errno::EINVAL),
            None => reply.error(Errno::ENOENT),
        }
    }

    fn mknod(
        &self,
        req: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        umask: u32,
        _: u32,
        reply: ReplyEntry,
    ) {
        let kind = match rustix::fs::FileType::from_raw_mode(mode) {
            rustix::fs::FileType::RegularFile => Kind::file(),
            rustix::fs::FileType::Socket => Kind::Socket,
            _ => return reply.error(Errno::EPERM),
        };
        let node = Node::new(kind, mode & !umask, req.uid(), req.gid());
        answer_entry(reply, self.make(req, parent, name, node));
    }

    fn mkdir(
        &self,
        req: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        umask: u32,
        reply: ReplyEntry,
    ) {
        let node = Node::new(Kind::folder(), mode & !umask, req.uid(), req.gid());
        answer_entry(reply, self.make(req, parent, name, node));
    }

    fn symlink(
        &self,
        req: &Request,
        parent: INodeNo,
        name: &OsStr,
        target: &Path,
        reply: ReplyEntry,
    ) {
        let kind = Kind::Link(target.as_os_str().to_owned());
        let node = Node::new(kind, 0o777, req.uid(), req.gid());
        answer_entry(reply, self.make(req, parent, name, node));
    }

    fn link(&self, req: &Request, ino: INodeNo, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let link = || {
            let mut state = self.shared.enter(Call::Make, req)?;
            let names = state.image.names(parent.0).ok_or(Errno::ENOTDIR)?;
            if names.contains_key(name) {
                return Err(Errno::EEXIST);
            }
            state.image.rename(vec![(parent.0, name.to_owned(), Some(ino.0))]);
            attr(&state.image, ino.0)
        };
        answer_entry(reply, link());
    }

    fn unlink(&self, req: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        answer(reply, self.remove(req, parent, name, false));
    }

    fn rmdir(&self, req: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        answer(reply, self.remove(req, parent, name, true));
    }

    fn rename(
        &self,
        req: &Request,
        parent: INodeNo,
        name: &OsStr,
        new_parent: INodeNo,
        new_name: &OsStr,
        flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        let rename = || {
            let mut state = self.shared.enter(Call::Name, req)?;
            let ino = find(&state.image, parent.0, name)?;
            let taken = state.image.names(new_parent.0).ok_or(Errno::ENOTDIR)?.get(new_name);
            if flags.intersects(RenameFlags::RENAME_EXCHANGE | RenameFlags::RENAME_WHITEOUT) {
                return Err(Errno::EINVAL);
            }
            if taken.is_some() && flags.contains(RenameFlags::RENAME_NOREPLACE) {
                return Err(Errno::EEXIST);
            }
            if taken.and_then(|taken| state.image.names(*taken)).is_some_and(|n| !n.is_empty()) {
                return Err(Errno::ENOTEMPTY);
            }
            state.image.rename(vec![
                (parent.0, name.to_owned(), None),
                (new_parent.0, new_name.to_owned(), Some(ino)),
            ]);
            Ok(())
        };
        answer(reply, rename());
    }

    fn open(&self, req: &Request, ino: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        let opened = self.shared.enter(Call::Open, req).and_then(|state| attr(&state.image, ino.0));
        match opened {
            Ok(_) => reply.opened(FileHandle(0), FopenFlags::FOPEN_DIRECT_IO),
            Err(errno) => reply.error(errno),
        }
    }

    fn create(
        &self,
        req: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        umask: u32,
        _: i32,
        reply: ReplyCreate,
    ) {
        let node = Node::new(Kind::file(), mode & !umask, req.uid(), req.gid());
        match self.make(req, parent, name, node) {
            Ok(attr) => {
                let direct = FopenFlags::FOPEN_DIRECT_IO;
                reply.created(&TTL, &attr, Generation(0), FileHandle(0), direct);
            }
            Err(errno) => reply.error(errno),
        }
    }

    fn read(
        &self,
        req: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        match self.shared.enter(Call::Read, req) {
            Ok(state) => match state.image.node(ino.0) {
                Some(Node { kind: Kind::File(file), .. }) => {
                    reply.data(file.read(offset.min(LONGEST) as usize, size as usize));
                }
                Some(_) => reply.error(Errno::EINVAL),
                None => reply.error(Errno::EIO),
            },
            Err(errno) => reply.error(errno),
        }
    }

    fn write(
        &self,
        req: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        data: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        let write = || {
            let mut state = self.shared.enter(Call::Write, req)?;
            match offset {
                offset if offset > LONGEST => Err(Errno::EFBIG),
                offset if state.image.write(ino.0, offset as usize, data) => Ok(()),
                _ => Err(Errno::EIO),
            }
        };
        match write() {
            Ok(()) => reply.written(data.len() as u32),
            Err(errno) => reply.error(errno),
        }
    }

    fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        reply.ok();
    }

    fn fsync(&self, req: &Request, ino: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        answer(reply, self.sync(req, ino));
    }

    fn fsyncdir(&self, req: &Request, ino: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        answer(reply, self.sync(req, ino));
    }

    fn opendir(&self, req: &Request, ino: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        let state = match self.shared.enter(Call::Open, req) {
            Ok(state) => state,
            Err(errno) => return reply.error(errno),
        };
        let Some(names) = state.image.names(ino.0) else { return reply.error(Errno::ENOTDIR) };
        let dots = [".", ".."].map(|name| (ino.0, FileType::Directory, OsString::from(name)));
        let known = names.iter().filter_map(|(name, ino)| {
            Some((*ino, file_type(&state.image.node(*ino)?.kind), name.clone()))
        });
        let list = dots.into_iter().chain(known).collect();
        let handle = self.next.fetch_add(1, Ordering::Relaxed);
        self.lists.lock().unwrap_or_else(PoisonError::into_inner).insert(handle, list);
        reply.opened(FileHandle(handle), FopenFlags::empty());
    }

    fn readdir(
        &self,
        _: &Request,
        _: INodeNo,
        handle: FileHandle,
        offset: u64,
        mut reply: ReplyDirectory,
    ) {
        let lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(list) = lists.get(&handle.0) else { return reply.error(Errno::EBADF) };
        for (at, (ino, kind, name)) in list.iter().enumerate().skip(offset as usize) {
            if reply.add(INodeNo(*ino), at as u64 + 1, *kind, name) {
                break;
            }
        }
        reply.ok();
    }

    fn releasedir(
        &self,
        _: &Request,
        _: INodeNo,
        handle: FileHandle,
        _: OpenFlags,
        reply: ReplyEmpty,
    ) {
        self.lists.lock().unwrap_or_else(PoisonError::into_inner).remove(&handle.0);
        reply.ok();
    }

    fn statfs(&self, _: &Request, _: INodeNo, reply: ReplyStatfs) {
        let used = self.shared.lock().image.bytes();
        let (all, free) = (SIZE / BLOCK, SIZE.saturating_sub(used) / BLOCK);
        reply.statfs(all, free, free, 1 << 20, 1 << 20, BLOCK as u32, 255, BLOCK as u32);
    }
}
