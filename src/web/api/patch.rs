//! JSON Merge Patch (RFC 7396) over the settings of a thing: what is absent stays, `null` removes.

use serde_json::{Map, Value};

/// Lays a patch over what is there.
///
/// Two things differ from the RFC. A `credential` that is `null` stays in the result as `null`: it is
/// never in what is there, for it is never written, so that removing it must be said to the reader of the
/// result. And a condition is one value, that is replaced whole: half of one laid over another is none.
pub(super) fn merge(present: &mut Value, patch: Value) {
    let Value::Object(changes) = patch else {
        *present = patch;
        return;
    };
    if !present.is_object() {
        *present = Value::Object(Map::new());
    }
    let Some(members) = present.as_object_mut() else { return };
    for (name, change) in changes {
        if change.is_null() && name != "credential" {
            members.remove(&name);
        } else if matches!(name.as_str(), "condition" | "filter") {
            members.insert(name, change);
        } else {
            merge(members.entry(name).or_insert(Value::Null), change);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn as_the_rfc_has_it() {
        // Appendix A of RFC 7396.
        for (present, patch, merged) in [
            (json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "b"}), json!({"b": "c"}), json!({"a": "b", "b": "c"})),
            (json!({"a": "b"}), json!({"a": null}), json!({})),
            (json!({"a": "b", "b": "c"}), json!({"a": null}), json!({"b": "c"})),
            (json!({"a": ["b"]}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "c"}), json!({"a": ["b"]}), json!({"a": ["b"]})),
            (
                json!({"a": {"b": "c"}}),
                json!({"a": {"b": "d", "c": null}}),
                json!({"a": {"b": "d"}}),
            ),
            (json!({"a": [{"b": "c"}]}), json!({"a": [1]}), json!({"a": [1]})),
            (json!(["a", "b"]), json!(["c", "d"]), json!(["c", "d"])),
            (json!({"a": "b"}), json!(["c"]), json!(["c"])),
            (json!({"e": null}), json!({"a": 1}), json!({"e": null, "a": 1})),
            (json!([1, 2]), json!({"a": "b", "c": null}), json!({"a": "b"})),
            (json!({}), json!({"a": {"bb": {"ccc": null}}}), json!({"a": {"bb": {}}})),
        ] {
            let mut present = present;
            merge(&mut present, patch);
            assert_eq!(present, merged);
        }
    }

    #[test]
    fn removing_a_credential_is_passed_on() {
        let mut present = json!({"auth": {"method": "bearer"}});
        merge(&mut present, json!({"auth": {"credential": null}}));
        assert_eq!(present, json!({"auth": {"method": "bearer", "credential": null}}));
    }

    #[test]
    fn a_condition_is_replaced_whole() {
        let mut present = json!({"filter": {"all": []}, "name": "a"});
        let test = json!({"field": "segment", "op": "eq", "value": "s"});
        merge(&mut present, json!({"filter": test.clone()}));
        assert_eq!(present, json!({"filter": test, "name": "a"}));
        merge(&mut present, json!({"filter": null}));
        assert_eq!(present, json!({"name": "a"}));
    }
}
