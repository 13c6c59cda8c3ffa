//! Boot files over HTTP, each only while its boot is open; the identity once.

use super::{
    cpio::Archive,
    dhcp::{Place, UEFI_LOADER},
    script::script,
    table::{Answered, BootEventKind, BootTable, Identity},
    tftp::read_loader,
};
use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Path, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use billet_proto::{MacAddr, identity};
use std::path::PathBuf;
use tokio::io::AsyncReadExt;
use uuid::Uuid;

/// Read and sent at once.
const PIECE_BYTES: usize = 256 << 10;

/// What the routes work with.
#[derive(Clone)]
pub(super) struct Files {
    pub(super) boots: BootTable,
    pub(super) place: Place,
    pub(super) loader_dir: PathBuf,
    pub(super) ramdisk_dir: PathBuf,
}

/// All routes; whatever is not one is "not found".
pub(super) fn routes(files: Files) -> Router {
    Router::new()
        .route("/boot/{mac}/{file}", get(boot_file))
        .route("/boot/{mac}/{boot}/identity.cpio", get(identity_file).head(not_allowed))
        .with_state(files)
}

fn open(files: &Files, mac: &str) -> Option<Answered> {
    files.boots.of_mac(mac.parse::<MacAddr>().ok()?)
}

async fn boot_file(State(files): State<Files>, Path((mac, name)): Path<(String, String)>) -> Response {
    let Some(boot) = open(&files, &mac) else { return StatusCode::NOT_FOUND.into_response() };
    match name.as_str() {
        "script.ipxe" => {
            files.boots.reached(boot.mac, BootEventKind::ScriptFetched);
            ([(header::CONTENT_TYPE, "text/plain")], script(&files.place, &boot)).into_response()
        }
        "vmlinuz" => {
            files.boots.reached(boot.mac, BootEventKind::KernelFetched);
            stream(files.ramdisk_dir.join("vmlinuz")).await
        }
        "initrd" => stream(files.ramdisk_dir.join("initrd")).await,
        UEFI_LOADER => {
            files.boots.reached(boot.mac, BootEventKind::LoaderFetched);
            match read_loader(&files.loader_dir, UEFI_LOADER) {
                // UEFI 2.10 §24.7.3.3.1: the type tells firmware that it is an application.
                Ok(bytes) => ([(header::CONTENT_TYPE, "application/efi")], bytes).into_response(),
                Err(error) => failed(&files.loader_dir.join(UEFI_LOADER), &error),
            }
        }
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn identity_file(State(files): State<Files>, Path((mac, id)): Path<(String, String)>) -> Response {
    let (Ok(mac), Ok(id)) = (mac.parse::<MacAddr>(), id.parse::<Uuid>()) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    match files.boots.take_identity(mac, id) {
        Identity::First(json) => {
            let archive = Archive::new().file(identity::PATH, 0o600, &json).finish();
            ([(header::CONTENT_TYPE, "application/octet-stream"), (header::CACHE_CONTROL, "no-store")], archive)
                .into_response()
        }
        Identity::Again => {
            tracing::warn!(%mac, "a boot's identity was asked for again; the boot is void");
            StatusCode::GONE.into_response()
        }
        Identity::Unknown => StatusCode::NOT_FOUND.into_response(),
    }
}

/// Asking for the head alone must not use up what is served once.
async fn not_allowed() -> StatusCode {
    StatusCode::METHOD_NOT_ALLOWED
}

/// Streams a file, with its length so that boot loaders show progress and see a cut.
async fn stream(path: PathBuf) -> Response {
    let opened = async {
        let file = tokio::fs::File::open(&path).await?;
        let length = file.metadata().await?.len();
        Ok::<_, std::io::Error>((file, length))
    };
    match opened.await {
        Ok((file, length)) => {
            let pieces = futures_util::stream::try_unfold(file, |mut file| async move {
                let mut piece = vec![0; PIECE_BYTES];
                let read = file.read(&mut piece).await?;
                piece.truncate(read);
                Ok::<_, std::io::Error>((read > 0).then(|| (Bytes::from(piece), file)))
            });
            ([(header::CONTENT_LENGTH, length.to_string())], Body::from_stream(pieces)).into_response()
        }
        Err(error) => failed(&path, &error),
    }
}

fn failed(path: &std::path::Path, error: &std::io::Error) -> Response {
    tracing::error!(path = %path.display(), %error, "a boot file cannot be read");
    StatusCode::INTERNAL_SERVER_ERROR.into_response()
}

#[cfg(test)]
mod tests;
