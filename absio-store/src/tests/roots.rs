//! The root: who may open it, what lies in it, under which names and modes.

use super::{BLOB, ENGINES, blob_name, put, read, root, seal, write_op};
use absio_proto::effect::{BlobId, StoreErrorKind, StoreOp};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

#[test]
fn a_root_is_open_once_at_a_time() {
    for open in ENGINES {
        let root = root();
        let store = open(root.path()).expect("an empty root opens");
        let refused = open(root.path()).err().expect("a second opening is refused");
        assert_eq!(refused.kind, StoreErrorKind::Unavailable);
        assert!(refused.reason.contains("already open"), "{refused}");
        drop(store);
        open(root.path()).expect("a closed root opens again");
    }
}

#[cfg(all(feature = "redb", feature = "sled"))]
#[test]
fn a_root_belongs_to_one_engine() {
    for (first, second) in [(super::REDB, super::SLED), (super::SLED, super::REDB)] {
        let root = root();
        drop(first(root.path()).expect("an empty root opens"));
        assert_eq!(super::kind(second(root.path())), StoreErrorKind::Invalid);
        first(root.path()).expect("the first engine still opens it");
    }
}

#[test]
fn a_missing_root_is_made_for_the_owner_alone() {
    for open in ENGINES {
        let outer = root();
        let root = outer.path().join("deep/er");
        let store = open(&root).expect("a missing root is made");
        seal(&store, b"sealed");
        store
            .apply(StoreOp::BlobWrite { blob: BlobId([1; 20]), offset: 0, bytes: vec![1].into() })
            .expect("written");
        put(&store, b"key", b"value");
        let seen = check_modes(&root, true);
        assert!(seen >= 8, "lock, format, index, two blobs and their directories: {seen}");
    }
}

/// Checks everything below `directory`; gives how much that was. What sled makes by itself lies in a
/// directory that nobody else enters.
fn check_modes(directory: &Path, ours: bool) -> usize {
    let mode = |path: &Path| fs::symlink_metadata(path).expect("it is there").permissions().mode() & 0o777;
    if ours {
        assert_eq!(mode(directory), 0o700, "{}", directory.display());
    }
    let mut seen = 1;
    for entry in fs::read_dir(directory).expect("it is a directory") {
        let path = entry.expect("it can be listed").path();
        if path.is_dir() {
            seen += check_modes(&path, ours && !directory.ends_with("index.sled"));
        } else {
            if !directory.ends_with("index.sled") {
                assert_eq!(mode(&path), 0o600, "{}", path.display());
            }
            seen += 1;
        }
    }
    seen
}

#[test]
fn blobs_are_split_over_directories_and_have_no_extension() {
    for open in ENGINES {
        let root = root();
        let store = open(root.path()).expect("an empty root opens");
        seal(&store, b"bytes");
        let (shard, rest) = blob_name();
        assert_eq!((shard.len(), rest.len()), (2, 30));
        let file = root.path().join("blobs").join(shard).join(&rest);
        assert_eq!(fs::read(file).expect("the blob lies under its name"), b"bytes");
        assert!(rest.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()));
    }
}

#[test]
fn what_was_left_unsealed_is_removed_at_opening() {
    for open in ENGINES {
        let root = root();
        let store = open(root.path()).expect("an empty root opens");
        store.apply(write_op(b"half")).expect("written");
        drop(store);
        let staging = root.path().join("staging");
        assert_eq!(fs::read_dir(&staging).expect("it is there").count(), 1);
        let store = open(root.path()).expect("the root opens again");
        assert_eq!(fs::read_dir(&staging).expect("it is there").count(), 0);
        assert_eq!((super::list(&store), read(&store)), (vec![], None));
    }
}

#[test]
fn foreign_files_among_the_blobs_are_not_listed() {
    for open in ENGINES {
        let root = root();
        let store = open(root.path()).expect("an empty root opens");
        seal(&store, b"bytes");
        let (shard, rest) = blob_name();
        let blobs = root.path().join("blobs");
        fs::write(blobs.join(&shard).join("README"), b"").expect("planted");
        fs::write(blobs.join(&shard).join(rest.to_ascii_uppercase()), b"").expect("planted");
        fs::create_dir(blobs.join("lost+found")).expect("planted");
        assert_eq!(super::list(&store), [BLOB]);
    }
}

#[test]
fn ml_a_root_of_another_user_is_refused() {
    for open in ENGINES {
        let own = root();
        // Only the superuser can give a directory away; for everybody else "/" is another user's.
        let given_away = std::os::unix::fs::chown(own.path(), Some(12_345), None).is_ok();
        let foreign = if given_away { own.path() } else { Path::new("/") };
        let refused = open(foreign).err().expect("it belongs to another user");
        assert_eq!(refused.kind, StoreErrorKind::Unavailable);
        for word in ["belongs to user", "run it as that user", "another directory"] {
            assert!(refused.reason.contains(word), "{refused}");
        }
        if given_away {
            assert_eq!(fs::read_dir(own.path()).expect("a directory").count(), 0, "nothing was written");
            std::os::unix::fs::chown(own.path(), Some(0), None).expect("taken back");
        }
        open(own.path()).expect("one's own opens");
    }
}

#[test]
fn ml_a_root_that_others_may_write_into_is_refused() {
    for open in ENGINES {
        let root = root();
        let chmod =
            |mode| fs::set_permissions(root.path(), fs::Permissions::from_mode(mode)).expect("it is ours");
        for mode in [0o777, 0o1777, 0o770, 0o775, 0o702] {
            chmod(mode);
            let refused = open(root.path()).err().expect("others may write into it");
            assert_eq!(refused.kind, StoreErrorKind::Unavailable, "{mode:o}");
            assert!(refused.reason.contains("chmod go-w"), "{refused}");
            assert_eq!(fs::read_dir(root.path()).expect("a directory").count(), 0, "nothing was written");
        }
        for mode in [0o755, 0o750, 0o700] {
            chmod(mode);
            let store = open(root.path()).expect("nobody else may write into it");
            put(&store, b"a", b"1");
            drop(store);
            let found = fs::metadata(root.path()).expect("a directory").permissions().mode() & 0o777;
            assert_eq!(found, mode, "the mode is the owner's choice");
            assert!(check_modes(root.path(), false) >= 7, "lock, format, index and the directories");
            check_modes(&root.path().join("cells"), true);
        }
    }
}

#[test]
fn ml_symlink_root_is_refused() {
    for open in ENGINES {
        let outer = root();
        let inner = outer.path().join("inner");
        fs::create_dir(&inner).expect("made");
        fs::set_permissions(&inner, fs::Permissions::from_mode(0o700)).expect("it is ours");
        let link = outer.path().join("link");
        std::os::unix::fs::symlink(&inner, &link).expect("planted");
        for named in [link.clone(), link.join(""), link.join(".")] {
            let refused = open(&named).err().expect("it is a link");
            assert_eq!(refused.kind, StoreErrorKind::Unavailable, "{}", named.display());
            assert!(refused.reason.contains("name the directory itself"), "{refused}");
        }
        assert_eq!(fs::read_dir(&inner).expect("a directory").count(), 0, "nothing was written");
        open(&link.join("root")).expect("a link before the last component is the caller's choice");
        open(&inner.join("root")).expect("by either name it is the same root");
    }
}

#[test]
fn a_store_of_a_newer_version_asks_for_a_newer_program() {
    for open in ENGINES {
        for line in ["absio-store 2 redb\n", "absio-store 2 sled\n", "absio-store 30 other things\nmore\n"] {
            let root = root();
            drop(open(root.path()).expect("an empty root opens"));
            fs::write(root.path().join("format"), line).expect("replaced");
            let refused = open(root.path()).err().expect("it is newer");
            assert_eq!(refused.kind, StoreErrorKind::Invalid);
            assert!(refused.reason.contains("update the program"), "{refused}");
        }
        let root = root();
        drop(open(root.path()).expect("an empty root opens"));
        fs::write(root.path().join("format"), "absio-store 0 redb\n").expect("replaced");
        let refused = open(root.path()).err().expect("there was no such version");
        assert!(!refused.reason.contains("update"), "{refused}");
    }
}

/// Whether a `$from` can become a `$into`: the inherent constant hides the trait's only where it can.
macro_rules! converts {
    ($from:ty, $into:ty) => {{
        #[allow(dead_code, reason = "a probe is a type")]
        struct Probe<A, B>(A, B);
        #[allow(dead_code, reason = "used where the bound does not hold")]
        trait Otherwise {
            const CONVERTS: bool = false;
        }
        impl<A, B> Otherwise for Probe<A, B> {}
        #[allow(dead_code, reason = "used where the bound holds")]
        impl<A: Into<B>, B> Probe<A, B> {
            const CONVERTS: bool = true;
        }
        Probe::<$from, $into>::CONVERTS
    }};
}

/// Security case 69: what a server names never becomes a path. A file's name is made of twenty bytes and of
/// nothing else, whatever they are.
#[test]
fn ml_path_from_server_impossible() {
    use absio_proto::effect::CellId;
    use absio_proto::model::{ContainerId, UserId};
    let of: fn(&[u8; 20]) -> String = crate::file_name::of;
    let ids = [
        converts!(ContainerId, BlobId),
        converts!(UserId, BlobId),
        converts!(String, BlobId),
        converts!(&str, BlobId),
        converts!(Vec<u8>, BlobId),
        converts!(ContainerId, CellId),
        converts!(UserId, CellId),
        converts!(String, CellId),
        converts!(BlobId, String),
        converts!(BlobId, std::path::PathBuf),
        converts!(CellId, std::path::PathBuf),
    ];
    assert_eq!(ids, [false; 11], "something a server says names a file");
    assert!(converts!(BlobId, BlobId) && converts!(String, std::path::PathBuf), "negative control");
    // Bytes that spell a way out are written in an alphabet that has no way out.
    let hostile: [&[u8; 20]; 5] = [
        b"../../../etc/passwd\0",
        b"/etc/passwd.........",
        b"....................",
        b"////////////////////",
        &[0; 20],
    ];
    for open in ENGINES {
        let outer = root();
        let inside = outer.path().join("root");
        let store = open(&inside).expect("an empty root opens");
        for bytes in hostile {
            let name = of(bytes);
            assert_eq!(name.len(), 32);
            assert!(
                name.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'v').contains(&byte)),
                "{name}"
            );
            assert_eq!(crate::file_name::parse(&name).as_ref(), Some(bytes));
            let blob = BlobId(*bytes);
            let write = StoreOp::BlobWrite { blob, offset: 0, bytes: b"planted".to_vec().into() };
            store.apply(write).expect("written");
            store.apply(StoreOp::BlobSeal { blob }).expect("sealed");
            assert!(inside.join("blobs").join(&name[..2]).join(&name[2..]).is_file());
        }
        let beside: Vec<_> = fs::read_dir(outer.path()).expect("a directory").collect();
        assert_eq!(beside.len(), 1, "nothing lies beside the root");
        // Negative control: taken as they are, the first of them leads out of any directory.
        let way_out = String::from_utf8_lossy(&hostile[0][..19]);
        assert!(Path::new(way_out.as_ref()).components().any(|part| part == std::path::Component::ParentDir));
    }
}
