//! A disk that remembers what a loss of power would leave of it.
//!
//! A VFS of SQLite that hands everything to the usual one and keeps, for each file, the bytes that
//! the last flush made durable and what was written since. A crash leaves the durable bytes and any
//! of the later 512-byte sectors, in any combination. Flushes go no further, which makes it fast.
#![allow(
    unsafe_code,
    clippy::missing_const_for_fn,
    reason = "a VFS is a table of C functions; only this file of the tests speaks to them"
)]

use crate::journal::Memory;
use crate::support::chance::Chance;
use libsqlite3_sys as ffi;
use std::collections::BTreeMap;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::path::{Path, PathBuf};
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// What a crash may tear apart.
const SECTOR: usize = 512;

/// The VFS's name in a database's URL: `file:PATH?vfs=lossy`.
const NAME: &CStr = c"lossy";

/// Something done to a file since its last flush.
#[derive(Debug, Clone)]
enum Change {
    Write(usize, Vec<u8>),
    Truncate(usize),
}

/// A file: what is durable, and what is not yet.
#[derive(Debug, Clone, Default)]
struct Image {
    durable: Vec<u8>,
    later: Vec<Change>,
}

impl Image {
    fn flush(&mut self) {
        for change in std::mem::take(&mut self.later) {
            apply(&mut self.durable, &change);
        }
    }
}

fn apply(bytes: &mut Vec<u8>, change: &Change) {
    match change {
        Change::Write(at, new) => {
            let end = at + new.len();
            if bytes.len() < end {
                bytes.resize(end, 0);
            }
            bytes[*at..end].copy_from_slice(new);
        }
        Change::Truncate(size) => bytes.resize(*size, 0),
    }
}

/// All files at the moment at which the power went.
#[derive(Debug, Clone, Default)]
pub struct Crash(BTreeMap<PathBuf, Image>);

static FILES: Mutex<Crash> = Mutex::new(Crash(BTreeMap::new()));
static WEAKENED: AtomicBool = AtomicBool::new(false);

fn files() -> std::sync::MutexGuard<'static, Crash> {
    FILES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The URL of a file on the lossy disk. `weakened` turns `PRAGMA synchronous = FULL` into `NORMAL`
/// behind the service's back: the loss that the test must find.
pub fn url_of(path: &Path, weakened: bool) -> String {
    static ONCE: OnceLock<()> = OnceLock::new();
    ONCE.get_or_init(register);
    files().0.clear();
    WEAKENED.store(weakened, Ordering::SeqCst);
    format!("sqlite:file:{}?vfs=lossy", path.display())
}

/// A loss of power that is to come: after so many changes, with whoever wants to know of it.
struct Plan {
    changes: usize,
    known: Arc<Mutex<Memory>>,
    tell: Sender<(Crash, Memory)>,
}

static NEXT: Mutex<Option<Plan>> = Mutex::new(None);

/// The power goes before the change (a write, a flush) that is so many changes away: what is on the
/// disk then, and what was acknowledged by then.
pub fn crash_after(changes: usize, known: &Arc<Mutex<Memory>>) -> Receiver<(Crash, Memory)> {
    let (tell, told) = channel();
    let plan = Plan { changes, known: Arc::clone(known), tell };
    *NEXT.lock().unwrap_or_else(PoisonError::into_inner) = Some(plan);
    told
}

/// Counts a change that is about to be made.
fn count_down() {
    let mut next = NEXT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(plan) = next.as_mut() {
        plan.changes = plan.changes.saturating_sub(1);
    }
    if let Some(plan) = next.take_if(|plan| plan.changes == 0) {
        // First what is acknowledged: it was acknowledged before the disk looked like this.
        let known = plan.known.lock().expect("nobody failed").clone();
        let _ = plan.tell.send((files().clone(), known));
    }
}

impl Crash {
    /// Writes down what could be left of the files, by chance, under the same names in a folder.
    pub fn leave(&self, folder: &Path, chance: &mut Chance) {
        // Nothing, everything, or anything between may have reached the disk.
        let mood = chance.below(4);
        for (path, image) in &self.0 {
            let mut bytes = image.durable.clone();
            for change in &image.later {
                let mut keeps = || match mood {
                    0 => false,
                    1 => true,
                    _ => chance.one_in(2),
                };
                match change {
                    Change::Truncate(_) if keeps() => apply(&mut bytes, change),
                    Change::Truncate(_) => {}
                    Change::Write(at, new) => {
                        for (number, sector) in new.chunks(SECTOR).enumerate() {
                            if keeps() {
                                let at = at + number * SECTOR;
                                apply(&mut bytes, &Change::Write(at, sector.to_vec()));
                            }
                        }
                    }
                }
            }
            let name = path.file_name().expect("a file");
            std::fs::write(folder.join(name), bytes).expect("an image is written");
        }
    }

    /// How many changes no flush had covered.
    pub fn at_risk(&self) -> usize {
        self.0.values().map(|image| image.later.len()).sum()
    }
}

/// Our file: SQLite's head, which file it is, and behind it the file of the usual VFS.
#[repr(C)]
struct File {
    head: ffi::sqlite3_file,
    path: *mut PathBuf,
}

/// The usual VFS.
fn usual() -> *mut ffi::sqlite3_vfs {
    // SAFETY: with no name SQLite answers its default VFS, which lives as long as the process.
    unsafe { ffi::sqlite3_vfs_find(ptr::null()) }
}

/// The usual VFS's file behind ours.
fn real(file: *mut ffi::sqlite3_file) -> *mut ffi::sqlite3_file {
    // SAFETY: SQLite allocates szOsFile bytes, of which ours are the first.
    unsafe { file.cast::<File>().add(1).cast() }
}

/// Calls a method of the file behind ours.
macro_rules! behind {
    ($file:expr, $method:ident $(, $argument:expr)*) => {{
        let real = real($file);
        // SAFETY: the file was opened by the usual VFS, whose methods are all there.
        unsafe { ((*(*real).pMethods).$method.expect("a method"))(real $(, $argument)*) }
    }};
}

/// Changes the image of a file that is watched.
fn remember(file: *mut ffi::sqlite3_file, change: impl FnOnce(&mut Image)) {
    // SAFETY: the path was set when the file was opened.
    if let Some(path) = unsafe { (*file.cast::<File>()).path.as_ref() } {
        count_down();
        change(files().0.entry(path.clone()).or_default());
    }
}

unsafe extern "C" fn open(
    _vfs: *mut ffi::sqlite3_vfs,
    name: ffi::sqlite3_filename,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    let watched = ffi::SQLITE_OPEN_MAIN_DB | ffi::SQLITE_OPEN_WAL | ffi::SQLITE_OPEN_MAIN_JOURNAL;
    // SAFETY: SQLite passes valid pointers, and the usual VFS is asked in the same way.
    unsafe {
        let ours = file.cast::<File>();
        (*ours).head.pMethods = ptr::null();
        (*ours).path = ptr::null_mut();
        let code =
            ((*usual()).xOpen.expect("a method"))(usual(), name, real(file), flags, out_flags);
        if code != ffi::SQLITE_OK {
            return code;
        }
        if !name.is_null() && flags & watched != 0 {
            let path = PathBuf::from(CStr::from_ptr(name).to_str().expect("a path"));
            let durable = std::fs::read(&path).unwrap_or_default();
            let image = || Image { durable, later: Vec::new() };
            files().0.entry(path.clone()).or_insert_with(image);
            (*ours).path = Box::into_raw(Box::new(path));
        }
        (*ours).head.pMethods = &raw const METHODS;
        code
    }
}

unsafe extern "C" fn delete(
    _vfs: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    sync: c_int,
) -> c_int {
    // SAFETY: SQLite passes a valid name.
    unsafe {
        let path = PathBuf::from(CStr::from_ptr(name).to_str().expect("a path"));
        files().0.remove(&path);
        ((*usual()).xDelete.expect("a method"))(usual(), name, sync)
    }
}

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    let code = behind!(file, xClose);
    // SAFETY: the path was made by a Box when the file was opened, and is not used again.
    unsafe {
        let path = (*file.cast::<File>()).path;
        if !path.is_null() {
            drop(Box::from_raw(path));
        }
    }
    code
}

unsafe extern "C" fn read(
    file: *mut ffi::sqlite3_file,
    into: *mut c_void,
    count: c_int,
    at: ffi::sqlite3_int64,
) -> c_int {
    behind!(file, xRead, into, count, at)
}

unsafe extern "C" fn write(
    file: *mut ffi::sqlite3_file,
    from: *const c_void,
    count: c_int,
    at: ffi::sqlite3_int64,
) -> c_int {
    let code = behind!(file, xWrite, from, count, at);
    if code == ffi::SQLITE_OK {
        // SAFETY: SQLite passes `count` readable bytes.
        let new = unsafe { std::slice::from_raw_parts(from.cast::<u8>(), count as usize) };
        remember(file, |image| image.later.push(Change::Write(at as usize, new.to_vec())));
    }
    code
}

unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, size: ffi::sqlite3_int64) -> c_int {
    let code = behind!(file, xTruncate, size);
    if code == ffi::SQLITE_OK {
        remember(file, |image| image.later.push(Change::Truncate(size as usize)));
    }
    code
}

unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, _flags: c_int) -> c_int {
    remember(file, Image::flush);
    ffi::SQLITE_OK
}

unsafe extern "C" fn file_size(
    file: *mut ffi::sqlite3_file,
    size: *mut ffi::sqlite3_int64,
) -> c_int {
    behind!(file, xFileSize, size)
}

unsafe extern "C" fn lock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    behind!(file, xLock, level)
}

unsafe extern "C" fn unlock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    behind!(file, xUnlock, level)
}

unsafe extern "C" fn is_reserved(file: *mut ffi::sqlite3_file, out: *mut c_int) -> c_int {
    behind!(file, xCheckReservedLock, out)
}

unsafe extern "C" fn control(
    file: *mut ffi::sqlite3_file,
    what: c_int,
    argument: *mut c_void,
) -> c_int {
    if what == ffi::SQLITE_FCNTL_PRAGMA && WEAKENED.load(Ordering::SeqCst) {
        let pragma = argument.cast::<*mut c_char>();
        // SAFETY: for a pragma SQLite passes its name and its value (or none) as texts of its own,
        // reads the value again afterwards, and "FULL" is long enough to hold "1" (NORMAL).
        unsafe {
            let (name, value) = (*pragma.add(1), *pragma.add(2));
            if !value.is_null()
                && CStr::from_ptr(name) == c"synchronous"
                && CStr::from_ptr(value) == c"FULL"
            {
                ptr::copy_nonoverlapping(c"1".as_ptr(), value, 2);
            }
        }
    }
    behind!(file, xFileControl, what, argument)
}

unsafe extern "C" fn sector_size(file: *mut ffi::sqlite3_file) -> c_int {
    behind!(file, xSectorSize)
}

unsafe extern "C" fn characteristics(file: *mut ffi::sqlite3_file) -> c_int {
    behind!(file, xDeviceCharacteristics)
}

unsafe extern "C" fn shm_map(
    file: *mut ffi::sqlite3_file,
    page: c_int,
    size: c_int,
    extend: c_int,
    out: *mut *mut c_void,
) -> c_int {
    behind!(file, xShmMap, page, size, extend, out)
}

unsafe extern "C" fn shm_lock(
    file: *mut ffi::sqlite3_file,
    offset: c_int,
    count: c_int,
    flags: c_int,
) -> c_int {
    behind!(file, xShmLock, offset, count, flags)
}

unsafe extern "C" fn shm_barrier(file: *mut ffi::sqlite3_file) {
    behind!(file, xShmBarrier);
}

unsafe extern "C" fn shm_unmap(file: *mut ffi::sqlite3_file, delete: c_int) -> c_int {
    behind!(file, xShmUnmap, delete)
}

/// Version 2: with shared memory for the WAL, and without memory-mapped files.
static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(is_reserved),
    xFileControl: Some(control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(characteristics),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: None,
    xUnfetch: None,
};

fn register() {
    // SAFETY: a copy of the usual VFS with two methods of ours and room for our file in front;
    // SQLite keeps the pointer for ever, so it is never given back.
    unsafe {
        let mut vfs = Box::new(*usual());
        vfs.szOsFile += size_of::<File>() as c_int;
        vfs.zName = NAME.as_ptr();
        vfs.pNext = ptr::null_mut();
        vfs.xOpen = Some(open);
        vfs.xDelete = Some(delete);
        let code = ffi::sqlite3_vfs_register(Box::into_raw(vfs), 0);
        assert_eq!(code, ffi::SQLITE_OK);
    }
}
