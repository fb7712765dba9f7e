//! The socket's place: whose it is, what may be there, and what is left.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use selvedge::observe::inspect::{Client, ServeError, serve};
use selvedge::testing::World;
use selvedge::thread;

use super::Folder;

fn in_world<R>(f: impl FnOnce() -> R) -> R {
    World::new().test(f)
}

#[test]
fn a_socket_is_its_owners_alone() {
    let folder = Folder::new();
    in_world(|| {
        let serving = serve(folder.join("it.sock")).unwrap();
        let mode = fs::metadata(serving.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    });
}

#[test]
fn a_second_server_at_the_same_place_is_refused_and_the_first_serves_on() {
    let folder = Folder::new();
    in_world(|| {
        let serving = serve(folder.join("it.sock")).unwrap();
        let error = serve(folder.join("it.sock")).unwrap_err();
        assert!(matches!(&error, ServeError::InUse { path } if *path == folder.join("it.sock")));
        assert!(error.to_string().contains("another path"), "{error}");
        assert!(Client::connect(serving.path()).is_ok());
        // The refused one has removed nothing.
        drop(error);
        assert!(serving.path().exists());
    });
    in_world(|| drop(serve(folder.join("it.sock")).expect("it is free again")));
}

/// Left by a program that was killed: nobody answers.
#[test]
fn a_socket_that_nobody_serves_is_replaced() {
    let (folder, path) = {
        let folder = Folder::new();
        let path = folder.join("it.sock");
        drop(UnixListener::bind(&path).unwrap());
        (folder, path)
    };
    assert!(path.exists());
    in_world(|| {
        let serving = serve(&path).unwrap();
        assert!(Client::connect(serving.path()).is_ok());
    });
    assert!(!path.exists());
    drop(folder);
}

/// Several programs find the same stale socket: one serves.
#[test]
fn of_many_who_replace_a_stale_socket_one_serves() {
    for _ in 0..20 {
        let folder = Folder::new();
        let path = folder.join("it.sock");
        drop(UnixListener::bind(&path).unwrap());
        let all = std::sync::Barrier::new(4);
        let one = || {
            in_world(|| {
                all.wait();
                let serving = serve(&path);
                all.wait();
                if serving.is_ok() {
                    assert!(Client::connect(&path).is_ok());
                }
                all.wait();
                serving.is_ok()
            })
        };
        let served: Vec<bool> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(one)).collect();
            let threads = threads.into_iter();
            threads.map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(served.iter().filter(|it| **it).count(), 1, "{served:?}");
    }
}

#[test]
fn what_is_no_socket_is_left_alone() {
    let folder = Folder::new();
    let (file, link, directory) = (
        folder.join("file"),
        folder.join("link"),
        folder.join("folder"),
    );
    fs::write(&file, "precious").unwrap();
    symlink(&file, &link).unwrap();
    fs::create_dir(&directory).unwrap();
    in_world(|| {
        for path in [&file, &link, &directory] {
            let error = serve(path).unwrap_err();
            assert!(matches!(error, ServeError::NoSocket { .. }), "{error:?}");
            assert!(error.to_string().contains("no socket"), "{error}");
        }
    });
    assert_eq!(fs::read_to_string(&file).unwrap(), "precious");
    assert!(link.is_symlink() && directory.is_dir());
}

#[test]
fn a_path_that_is_too_long_or_has_no_folder_is_refused() {
    let folder = Folder::new();
    in_world(|| {
        let error = serve(folder.join(&"x".repeat(200))).unwrap_err();
        assert!(matches!(error, ServeError::TooLong { .. }), "{error:?}");
        assert!(error.to_string().contains("too long"), "{error}");
        let error = serve(folder.join("nowhere/it.sock")).unwrap_err();
        assert!(matches!(&error, ServeError::Io { .. }), "{error:?}");
        assert!(error.to_string().contains("nowhere/it.sock"), "{error}");
        assert!(std::error::Error::source(&error).is_some());
    });
}

#[test]
fn outside_of_a_tree_there_is_nothing_to_serve() {
    let folder = Folder::new();
    let error = serve(folder.join("it.sock")).unwrap_err();
    assert!(matches!(error, ServeError::NoTree));
    assert!(!folder.join("it.sock").exists());
}

/// The folder was cleaned up while the program ran, and somebody else took the place.
#[test]
fn a_socket_that_is_anothers_now_is_not_removed() {
    let folder = Folder::new();
    let path = folder.join("it.sock");
    in_world(|| {
        let serving = serve(&path).unwrap();
        fs::remove_file(&path).unwrap();
        let other = UnixListener::bind(&path).unwrap();
        drop(serving);
        assert!(path.exists() && UnixStream::connect(&path).is_ok());
        drop(other);
    });
}

/// Whoever holds a lock on the folder keeps nobody waiting.
#[test]
fn a_locked_folder_is_refused_at_once() {
    let folder = Folder::new();
    let path = folder.join("it.sock");
    drop(UnixListener::bind(&path).unwrap());
    let lock = File::open(folder.0.path()).unwrap();
    lock.lock().unwrap();
    in_world(|| {
        assert!(matches!(serve(&path), Err(ServeError::InUse { .. })));
        lock.unlock().unwrap();
        assert!(serve(&path).is_ok());
    });
}

#[test]
fn without_the_right_to_connect_a_socket_is_not_replaced() {
    let folder = Folder::new();
    let path = folder.join("it.sock");
    let _alive = UnixListener::bind(&path).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o000)).unwrap();
    in_world(|| {
        // Root may connect, and finds it alive.
        let error = serve(&path).unwrap_err();
        assert!(
            matches!(error, ServeError::Io { .. } | ServeError::InUse { .. }),
            "{error:?}"
        );
    });
    assert!(path.exists());
}

#[test]
fn two_places_may_be_served_at_once_and_the_guard_says_where() {
    let folder = Folder::new();
    in_world(|| {
        let (one, two) = (
            serve(folder.join("1")).unwrap(),
            serve(folder.join("2")).unwrap(),
        );
        assert_eq!(one.path(), folder.join("1"));
        assert!(format!("{one:?}").contains("/1"), "{one:?}");
        for path in [one.path(), two.path()] {
            let client = Client::connect(path).unwrap();
            assert_eq!(client.hello().program, thread::current().path());
        }
    });
    assert!(!Path::new(&folder.join("1")).exists());
}

/// What a thread that is user 65534 gets; none, said aloud, where the tests may not become another user.
#[cfg(target_os = "linux")]
fn as_nobody<R: Send>(f: impl FnOnce() -> R + Send) -> Option<R> {
    use rustix::process::{Uid, geteuid};
    use rustix::thread::set_thread_res_uid;

    if !geteuid().is_root() {
        eprintln!("skipped: only root can become another user");
        return None;
    }
    let nobody = Uid::from_raw(65_534);
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            // Of this thread alone, which ends.
            set_thread_res_uid(nobody, nobody, nobody).unwrap();
            f()
        });
        Some(thread.join().unwrap())
    })
}

#[test]
fn without_a_path_the_socket_is_where_others_look_and_has_the_name_of_the_program() {
    in_world(|| {
        let serving = serve("").unwrap();
        let name = serving.path().file_name().unwrap().to_string_lossy();
        assert_eq!(
            serving.path().parent(),
            Some(&*selvedge::observe::inspect::directory())
        );
        assert!(
            name.ends_with(&format!("-{}.sock", std::process::id())),
            "{name}"
        );
        assert!(Client::connect(serving.path()).is_ok());
    });
}

#[cfg(target_os = "linux")]
#[test]
fn another_user_may_not_connect_and_is_refused_where_the_permissions_are_lost() {
    use selvedge::observe::inspect::AskError;
    use selvedge::observe::inspect::protocol::ProblemKind;

    let folder = Folder::new();
    fs::set_permissions(folder.0.path(), Permissions::from_mode(0o755)).unwrap();
    in_world(|| {
        let serving = serve(folder.join("it.sock")).unwrap();
        let path = serving.path();
        let Some(connected) = as_nobody(|| Client::connect(path)) else {
            return;
        };
        let denied = matches!(&connected, Err(AskError::Io(error)) if error.kind() == std::io::ErrorKind::PermissionDenied);
        assert!(denied, "{connected:?}");
        // Somebody has opened the socket to all: the kernel says who connects.
        fs::set_permissions(path, Permissions::from_mode(0o666)).unwrap();
        match as_nobody(|| Client::connect(path)) {
            Some(Err(AskError::Refused(problem))) => {
                assert_eq!(problem.kind, ProblemKind::Refused);
            }
            other => panic!("{other:?}"),
        }
        assert!(Client::connect(path).is_ok(), "its owner may");
    });
}
