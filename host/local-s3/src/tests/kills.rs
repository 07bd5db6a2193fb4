//! A server whose process is killed at any instant.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::client::{Answer, TestClient};
use super::{BUCKET, files_below, options};
use crate::LocalS3;

/// It runs itself once more as the process that it kills.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_is_there_after_each_kill() {
    if let Some(root) = std::env::var_os(ROOT) {
        return serve_until_killed(Path::new(&root)).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let server = LocalS3::start(options(folder.path())).await.unwrap();
    // With it open, clean ends keep all as well.
    let kept = create(&TestClient::new(&server), "kept").await.unwrap();
    server.shutdown().await;
    let mut objects = Vec::new();
    for round in 0..ROUNDS {
        let (child, client) = start_process(folder.path());
        let after = Duration::from_micros(500 + round * 3_700 % 30_000);
        let killing = std::thread::spawn(move || kill(child, after));
        let names = [0, 1, 2].map(|worker| format!("{round}/{worker}"));
        let [mut one, mut two, mut three] = [(); 3].map(|()| Answered::default());
        tokio::join!(
            one.work(&client, &names[0]),
            two.work(&client, &names[1]),
            three.work(&client, &names[2])
        );
        killing.join().unwrap();

        let server = LocalS3::start(options(folder.path())).await.unwrap();
        let client = TestClient::new(&server);
        assert_nothing_is_left_over(&server);
        for Answered { stored, open } in [one, two, three] {
            objects.extend(stored);
            if let Some(upload) = open {
                objects.extend(go_on(&client, upload).await);
            }
        }
        let listed = client.send("GET", (BUCKET, ""), "uploads", "").await;
        assert!(listed.text().contains(&kept), "{listed:?}");
        for key in &objects {
            assert_is_whole(&client, key).await;
        }
        server.shutdown().await;
    }
    assert!(!objects.is_empty(), "no process lived long enough");
}

async fn serve_until_killed(root: &Path) {
    let server = LocalS3::start(options(root)).await.unwrap();
    println!("{}", server.endpoint());
    // Nor does it outlive whoever was to kill it.
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(1);
    });
    std::future::pending().await
}

/// What a process has answered before it was killed.
#[derive(Default)]
struct Answered {
    stored: Vec<String>,
    open: Option<Open>,
}

struct Open {
    key: String,
    id: String,
    e_tag: Option<String>,
    /// Its end was asked for, and not answered.
    asked: Option<End>,
}

#[derive(Debug, PartialEq)]
enum End {
    Complete,
    Abort,
}

impl Answered {
    /// Puts objects and uploads others, until there is no answer.
    async fn work(&mut self, client: &TestClient, name: &str) {
        for number in 0.. {
            if self.step(client, &format!("{name}/{number}"), number).await.is_none() {
                return;
            }
        }
    }

    async fn step(&mut self, client: &TestClient, key: &str, number: u32) -> Option<()> {
        let put = format!("{key}/put");
        let answer = send(client, "PUT", &put, "", &put).await?;
        assert_eq!(answer.status, 200, "{answer:?}");
        self.stored.push(put);

        let id = create(client, key).await?;
        let (key, query) = (key.to_owned(), format!("partNumber=1&uploadId={id}"));
        let open = self.open.insert(Open { key, id, e_tag: None, asked: None });
        let part = send(client, "PUT", &open.key, &query, &open.key).await?;
        open.e_tag = Some(part.e_tag().to_owned());
        if number % 3 == 2 {
            open.asked = Some(End::Abort);
            send(client, "DELETE", &open.key, &format!("uploadId={}", open.id), "").await?;
        } else {
            open.asked = Some(End::Complete);
            complete(client, open).await?;
            self.stored.push(open.key.clone());
        }
        self.open = None;
        Some(())
    }
}

/// Completes what a process has left open; returns the key where the object is there.
async fn go_on(client: &TestClient, upload: Open) -> Option<String> {
    let query = format!("uploadId={}", upload.id);
    let parts = client.send("GET", (BUCKET, &upload.key), &query, "").await;
    if parts.status == 404 {
        assert_ne!(upload.asked, None, "an open upload is lost");
        // An upload that was completed is lost only to its object.
        return (upload.asked == Some(End::Complete)).then_some(upload.key);
    }
    let e_tag = upload.e_tag.as_ref()?;
    assert!(parts.text().replace("&quot;", "\"").contains(e_tag), "{parts:?}");
    complete(client, &upload).await.unwrap();
    Some(upload.key)
}

async fn create(client: &TestClient, key: &str) -> Option<String> {
    let created = send(client, "POST", key, "uploads", "").await?;
    Some(created.element("UploadId").to_owned())
}

async fn complete(client: &TestClient, upload: &Open) -> Option<()> {
    let e_tag = upload.e_tag.as_deref().unwrap();
    let body = format!(
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{e_tag}</ETag></Part>\
         </CompleteMultipartUpload>"
    );
    let query = format!("uploadId={}", upload.id);
    let done = send(client, "POST", &upload.key, &query, &body).await?;
    assert_eq!(done.element("Key"), upload.key, "{done:?}");
    Some(())
}

/// Sends a request with the key as metadata.
async fn send(
    client: &TestClient,
    method: &str,
    key: &str,
    query: &str,
    body: &str,
) -> Option<Answer> {
    let headers = [("x-amz-meta-of", key)];
    client.try_send_with(method, (BUCKET, key), query, &headers, body.to_owned().into()).await
}

async fn assert_is_whole(client: &TestClient, key: &str) {
    let got = client.send("GET", (BUCKET, key), "", "").await;
    assert_eq!((got.status.as_u16(), got.text()), (200, key));
    let of = got.headers.get("x-amz-meta-of");
    assert_eq!(of.map(|of| of.to_str().unwrap()), Some(key), "{got:?}");
}

/// An object has two files: its own, and its record. An upload has its record, and one more for
/// each part. The lock is one.
fn assert_nothing_is_left_over(server: &LocalS3) {
    let uploads = server.store.uploads.of_bucket(BUCKET);
    let parts: usize = uploads.iter().map(|(_, upload)| upload.parts.len()).sum();
    let needed = 2 * server.objects(BUCKET).unwrap().len() + uploads.len() + parts + 1;
    let left = files_below(server.store.work());
    assert_eq!(left.len(), needed, "{left:?}");
}

fn start_process(root: &Path) -> (Child, TestClient) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    let test = "tests::kills::what_was_answered_is_there_after_each_kill";
    command.args(["--exact", test, "--nocapture"]).env(ROOT, root);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let said = lines.map(|line| line.unwrap()).find(|line| line.contains("http://")).unwrap();
    let endpoint = said[said.find("http://").unwrap()..].to_owned();
    (child, TestClient::at(endpoint))
}

fn kill(mut child: Child, after: Duration) {
    std::thread::sleep(after);
    child.kill().unwrap();
    child.wait().unwrap();
}

const ROUNDS: u64 = 12;
const ROOT: &str = "SPILLWAY_TEST_LOCAL_ROOT";
