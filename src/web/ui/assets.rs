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

/// The largest, as its package has it packed: nothing here packs or unpacks.
const PACKED: (&str, &[u8]) = ("htmx.js", include_bytes!("../../../assets/vendor/htmx.min.js.gz"));

pub(super) async fn asset(
    path: Path<(String, String)>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let (version, name) = path.into_inner();
    let asset = ASSETS.iter().find(|asset| asset.name == name);
    let asset = asset.ok_or_else(|| super::nothing_here(&request))?;
    // A page of the last version may ask for what is not there any more: it gets what is, unkept.
    let kept = if version == *VERSION { "public, max-age=31536000, immutable" } else { "no-store" };
    let mut answer = HttpResponse::Ok();
    answer
        .insert_header((header::CACHE_CONTROL, HeaderValue::from_static(kept)))
        .insert_header((header::VARY, "Accept-Encoding"))
        .content_type(asset.media);
    let accepted = request.headers().get(header::ACCEPT_ENCODING);
    let takes_gzip = accepted.and_then(|value| value.to_str().ok()).is_some_and(takes_gzip);
    Ok(if takes_gzip && asset.name == PACKED.0 {
        answer.insert_header((header::CONTENT_ENCODING, "gzip")).body(PACKED.1)
    } else {
        answer.body(asset.text)
    })
}

/// Whether a browser takes gzip (RFC 9110, section 12.5.3).
fn takes_gzip(accepted: &str) -> bool {
    accepted.split(',').any(|each| {
        let (coding, quality) = each.split_once(';').unwrap_or((each, ""));
        let quality = quality.trim().strip_prefix("q=").map_or(Ok(1.0), str::parse::<f32>);
        coding.trim().eq_ignore_ascii_case("gzip") && quality.is_ok_and(|quality| quality > 0.0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_for_those_who_take_it() {
        for taken in ["gzip", "br, gzip", "gzip, deflate, br, zstd", "gzip;q=0.5", "GZIP ; q=1"] {
            assert!(takes_gzip(taken), "{taken}");
        }
        for refused in ["", "br", "identity", "gzip;q=0", "gzip; q=0"] {
            assert!(!takes_gzip(refused), "{refused}");
        }
    }

    /// What a page loads beside itself is little, so that with it a page stays below 100 kB.
    #[test]
    fn all_assets_together_are_small() {
        let others = ASSETS.iter().filter(|asset| asset.name != PACKED.0);
        let bytes = PACKED.1.len() + others.map(|asset| asset.text.len()).sum::<usize>();
        assert!(bytes < 65_000, "{bytes}");
    }
}
