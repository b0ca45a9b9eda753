//! What the machine has no more of: space on the disk, files to open.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use super::killed::World;
use crate::support::{
    fixture::{BOB, Fixture, REQUEST, SCOPE, SECURITY},
    skip::skip,
};

const PATIENCE: Duration = Duration::from_secs(60);

/// A disk of 64 MiB in memory.
struct Disk {
    folder: TempDir,
}

impl Disk {
    /// Nothing without the right to mount one.
    fn mounted() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=64m", "tmpfs"])
            .arg(folder.path())
            .output();
        mounted
            .is_ok_and(|mounted| mounted.status.success())
            .then_some(Self { folder })
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Fills it up to the last byte.
    fn fill(&self) -> PathBuf {
        let filler = self.path().join("filler");
        let mut file = File::create(&filler).unwrap();
        for block in [64 * 1024, 1] {
            let full = loop {
                if let Err(error) = file.write_all(&vec![1; block]) {
                    break error;
                }
            };
            assert_eq!(full.kind(), io::ErrorKind::StorageFull);
        }
        filler
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount")
            .arg("--lazy")
            .arg(self.path())
            .status();
    }
}

/// Moves the store of a service that is stopped, and leaves a link in its place.
fn move_store(fixture: &Fixture, disk: &Disk) {
    let store = fixture.database();
    for ending in ["", "-wal", "-shm"] {
        let mut from = store.clone().into_os_string();
        from.push(ending);
        let from = PathBuf::from(from);
        if from.exists() {
            let to = disk.path().join(from.file_name().unwrap());
            fs::copy(&from, to).unwrap();
            fs::remove_file(&from).unwrap();
        }
    }
    let moved = disk.path().join(store.file_name().unwrap());
    std::os::unix::fs::symlink(moved, store).unwrap();
}

async fn until_ready_says(fixture: &Fixture, status: u16, words: &str) {
    let come = async {
        loop {
            let (found, ready) = fixture.page("/readyz").await;
            if found == status && ready.contains(words) {
                return;
            }
        }
    };
    let come = timeout(PATIENCE, come).await;
    if come.is_err() {
        panic!("{:?}", fixture.page("/readyz").await);
    }
}

#[tokio::test]
async fn access_ends_although_the_disk_is_full_and_nobody_gets_more() {
    let Some(disk) = Disk::mounted() else {
        skip("only root can mount a disk that can be filled");
        return;
    };
    let mut fixture = Fixture::start().await;
    fixture.stop().await;
    move_store(&fixture, &disk);
    fixture.boot().await;
    fixture.granted(REQUEST).await;
    assert!(fixture.console.admits("alice"));

    let filler = disk.fill();
    // Some entries still fit into what the files of the store have already.
    let fills = async {
        while !fixture.page("/readyz").await.1.contains("disk_full") {
            fixture.end(SECURITY, "lock lab:use a look").await;
            fixture.jit(SECURITY, "unlock lab:use").await;
        }
    };
    timeout(PATIENCE, fills).await.unwrap();
    until_ready_says(&fixture, 503, r#""store":"disk_full""#).await;
    until_ready_says(&fixture, 503, "store_disk_full").await;
    let before = fixture.kinds().await;
    fixture
        .jit(BOB, &format!("request {SCOPE} 30m INC-4212 more of it"))
        .await;
    fixture.answered(BOB, "can't write to its database").await;
    assert_eq!(fixture.kinds().await, before);

    fixture.until_logged("ended", 1).await;
    fixture.ended(1).await;
    assert!(!fixture.console.admits("alice"));
    until_ready_says(&fixture, 503, r#""overdue":0"#).await;

    fs::remove_file(filler).unwrap();
    until_ready_says(&fixture, 200, r#""store":"ok""#).await;
    fixture.granted(REQUEST).await;
    assert!(fixture.console.admits("alice"));
    drop(fixture);
}

/// `/readyz`, over a connection that is there already.
async fn ready(connection: &mut TcpStream) -> String {
    let head = b"GET /readyz HTTP/1.1\r\nHost: keylend.example.com\r\n\r\n";
    connection.write_all(head).await.unwrap();
    let mut answer = Vec::new();
    let mut byte = [0];
    // The body is one object, without a line end, and nothing follows it.
    while !is_whole(&answer) {
        assert_eq!(connection.read(&mut byte).await.unwrap(), 1);
        answer.push(byte[0]);
    }
    String::from_utf8(answer).unwrap()
}

fn is_whole(answer: &[u8]) -> bool {
    let answer = String::from_utf8_lossy(answer);
    let Some((head, body)) = answer.split_once("\r\n\r\n") else {
        return false;
    };
    let head = head.to_lowercase();
    let length = head.lines().find_map(|line| {
        let length = line.strip_prefix("content-length: ")?;
        length.parse::<usize>().ok()
    });
    length == Some(body.len())
}

async fn until_files(connection: &mut TcpStream, are_too_many: bool) {
    let come = async {
        loop {
            let ready = ready(connection).await;
            if ready.contains("too_many_open_files") == are_too_many {
                return;
            }
        }
    };
    timeout(PATIENCE, come).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn running_out_of_open_files_raises_an_alert() {
    let world = World::start().await;
    let mut connection = TcpStream::connect(&world.address).await.unwrap();
    until_files(&mut connection, false).await;

    let program = world.program.as_ref().map(Pid::from_child);
    let before = getrlimit(Resource::Nofile);
    let none = Rlimit {
        current: Some(3),
        maximum: before.maximum,
    };
    prlimit(program, Resource::Nofile, none).unwrap();
    until_files(&mut connection, true).await;
    prlimit(program, Resource::Nofile, before).unwrap();
    until_files(&mut connection, false).await;
}
