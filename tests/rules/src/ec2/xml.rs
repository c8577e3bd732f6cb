//! Reading EC2's documents: lists of `item`s, and values deep inside.

use crate::answer::text;
use xmltree::{Element, XMLNode};

/// The `item`s of a list.
pub(crate) fn list<'a>(parent: &'a Element, set: &str) -> impl Iterator<Item = &'a Element> + use<'a> {
    let nodes = parent.get_child(set).map(|list| list.children.iter()).into_iter().flatten();
    nodes.filter_map(XMLNode::as_element).filter(|element| element.name == "item")
}

/// Adds an `item` to a list.
pub(crate) fn push(parent: &mut Element, set: &str, mut item: Element) {
    item.name = "item".to_owned();
    if parent.get_child(set).is_none() {
        parent.children.push(XMLNode::Element(Element::new(set)));
    }
    if let Some(list) = parent.get_mut_child(set) {
        list.children.push(XMLNode::Element(item));
    }
}

/// Every text at a path such as `routeSet/item/state`.
pub(crate) fn values(element: &Element, path: &str) -> Vec<String> {
    let mut here = vec![element];
    for step in path.split('/') {
        here = here.iter().flat_map(|at| at.children.iter()).filter_map(XMLNode::as_element).collect();
        here.retain(|element| element.name == step);
    }
    here.iter().filter_map(|at| at.get_text()).map(|text| text.into_owned()).collect()
}

/// The tags of an item.
pub(crate) fn tags(item: &Element) -> Vec<(String, String)> {
    list(item, "tagSet").map(|tag| (text(tag, "key"), text(tag, "value"))).collect()
}

/// A list of tags, as an item shows it.
pub(crate) fn tag_set<'a>(tags: impl IntoIterator<Item = (&'a str, &'a str)>) -> Element {
    use crate::answer::{element, leaf};
    let tags = tags.into_iter().map(|(key, value)| element("item", vec![leaf("key", key), leaf("value", value)]));
    element("tagSet", tags.collect())
}
