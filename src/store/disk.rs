//! The disk under the data directory: whether it keeps its word, and how much room it has.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use crate::domain::limits;

/// How much room there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    /// Nobody needs to look.
    Plenty,
    /// Somebody should look after it.
    Short,
    /// Nothing new should be taken.
    Low,
}

/// The disk of the data directory at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiskNow {
    /// Bytes that may still be written.
    pub free_bytes: u64,
    /// Bytes that it has in all.
    pub whole_bytes: u64,
    /// Whether that is enough.
    pub room: Room,
}

/// How much room is left. What can't be known is found out by writing.
pub(super) fn room(data: &Path) -> Room {
    now(data).map_or(Room::Plenty, |disk| disk.room)
}

/// The disk under that directory, where it can be looked at.
pub(super) fn now(data: &Path) -> Option<DiskNow> {
    let disk = rustix::fs::statvfs(data).ok()?;
    let free_bytes = disk.f_bavail.saturating_mul(disk.f_frsize);
    let whole_bytes = disk.f_blocks.saturating_mul(disk.f_frsize);
    Some(DiskNow { free_bytes, whole_bytes, room: judge(free_bytes, whole_bytes) })
}

/// A small disk is judged by its share, a large one by what one needs.
fn judge(free: u64, whole: u64) -> Room {
    if free < limits::DISK_LOW_BYTES.min(whole / 50) {
        Room::Low
    } else if free < limits::DISK_SHORT_BYTES.min(whole / 10) {
        Room::Short
    } else {
        Room::Plenty
    }
}

/// Makes the reserve, where there is none.
pub(super) fn keep_reserve(data: &Path) {
    let path = data.join("reserve");
    if path.exists() {
        return;
    }
    let mut options = OpenOptions::new();
    let made = options.write(true).create(true).truncate(true).mode(0o600).open(&path);
    let made = made.and_then(|file| {
        let whole = rustix::fs::fallocate(
            &file,
            rustix::fs::FallocateFlags::empty(),
            0,
            limits::DISK_RESERVE_BYTES,
        );
        whole.map_err(std::io::Error::from)
    });
    if let Err(error) = made {
        tracing::debug!(%error, "no room for the reserve on the disk of the data directory");
        release_reserve(data);
    }
}

/// Gives the reserve's room back.
pub(super) fn release_reserve(data: &Path) {
    // It may be gone already.
    let _gone = std::fs::remove_file(data.join("reserve"));
}

/// What is known of a file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Local,
    /// Its shared memory and its locks are not what a database needs.
    Network(&'static str),
    /// It may be anything underneath.
    Fuse,
}

/// On what kind of file system the directory is.
///
/// # Errors
/// The machine's answer where it can't be looked at.
#[cfg(target_os = "linux")]
pub(super) fn kind(data: &Path) -> std::io::Result<Kind> {
    let about = rustix::fs::statfs(data).map_err(std::io::Error::from)?;
    Ok(kind_of(u32::try_from(about.f_type & 0xFFFF_FFFF).unwrap_or(0)))
}

/// Only Linux says it in numbers that are known here.
#[cfg(not(target_os = "linux"))]
pub(super) fn kind(_data: &Path) -> std::io::Result<Kind> {
    Ok(Kind::Local)
}

/// The magic numbers of statfs(2).
#[cfg(any(target_os = "linux", test))]
fn kind_of(magic: u32) -> Kind {
    match magic {
        0x6969 => Kind::Network("NFS"),
        0x517B | 0xFE53_4D42 | 0xFF53_4D42 => Kind::Network("SMB"),
        0x0102_1997 => Kind::Network("9p"),
        0x0BD0_0BD0 => Kind::Network("Lustre"),
        0x00C3_6400 => Kind::Network("Ceph"),
        0x5346_414F => Kind::Network("AFS"),
        0x6573_5546 => Kind::Fuse,
        _ => Kind::Local,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Matrix A23: network file systems are known by their numbers.
    #[test]
    fn a23_network_file_systems_are_known() {
        assert_eq!(kind_of(0x6969), Kind::Network("NFS"));
        assert_eq!(kind_of(0xFE53_4D42), Kind::Network("SMB"));
        assert_eq!(kind_of(0x0102_1997), Kind::Network("9p"));
        assert_eq!(kind_of(0x6573_5546), Kind::Fuse);
        for local in [0xEF53, 0x5846_5342, 0x9123_683E, 0x0102_1994, 0x794C_7630] {
            assert_eq!(kind_of(local), Kind::Local, "{local:x}");
        }
    }

    #[test]
    fn room_is_judged_by_share_and_by_bytes() {
        const GIB: u64 = 1 << 30;
        assert_eq!(judge(100 * GIB, 1000 * GIB), Room::Plenty);
        assert_eq!(judge(GIB / 4, 1000 * GIB), Room::Short);
        assert_eq!(judge(GIB / 32, 1000 * GIB), Room::Low);
        assert_eq!(judge(GIB / 9, GIB), Room::Plenty);
        assert_eq!(judge(GIB / 11, GIB), Room::Short);
        assert_eq!(judge(GIB / 51, GIB), Room::Low);
    }
}
