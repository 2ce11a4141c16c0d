//! Styles and scripts, which lie in the binary. Their addresses carry a digest of all of them, so that a browser
//! may keep them for ever and still never mixes those of two versions.

use std::fmt::Write as _;
use std::sync::LazyLock;

use actix_web::http::header::{self, HeaderValue};
use actix_web::web::Path;
use actix_web::{HttpRequest, HttpResponse};
use sha2::{Digest as _, Sha256};

use crate::web::error::Problem;

struct Asset {
    name: &'static str,
    media: &'static str,
    text: &'static str,
}

const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

const ASSETS: [Asset; 5] = [
    Asset {
        name: "app.css",
        media: CSS,
        text: concat!(
            include_str!("../../../assets/app.css"),
            include_str!("../../../assets/plot.css")
        ),
    },
    Asset { name: "app.js", media: SCRIPT, text: include_str!("../../../assets/app.js") },
    Asset {
        name: "htmx.js",
        media: SCRIPT,
        text: include_str!("../../../assets/vendor/htmx.min.js"),
    },
    Asset {
        name: "morph.js",
        media: SCRIPT,
        text: include_str!("../../../assets/vendor/idiomorph-ext.min.js"),
    },
    Asset {
        name: "icon.svg",
        media: "image/svg+xml",
        text: include_str!("../../../assets/icon.svg"),
    },
];

/// What tells this set of assets from all others.
pub(super) static VERSION: LazyLock<String> = LazyLock::new(|| {
    const BYTES: usize = 6;
    let mut digest = Sha256::new();
    for asset in &ASSETS {
        digest.update(asset.text);
    }
    digest.finalize().iter().take(BYTES).fold(String::new(), |mut text, byte| {
        // Writing into a text does not fail.
        let _written: std::fmt::Result = write!(text, "{byte:02x}");
        text
    })
});

pub(super) async fn asset(
    path: Path<(String, String)>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let (version, name) = path.into_inner();
    let asset = ASSETS.iter().find(|asset| asset.name == name);
    let asset = asset.ok_or_else(|| super::nothing_here(&request))?;
    // A page of the last version may ask for what is not there any more: it gets what is, unkept.
    let kept = if version == *VERSION { "public, max-age=31536000, immutable" } else { "no-store" };
    Ok(HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, HeaderValue::from_static(kept)))
        .content_type(asset.media)
        .body(asset.text))
}
