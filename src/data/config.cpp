#include "hone/data/config.h"

namespace hone {

void describe(ConfigVisitor& v, FieldsConfig& c) {
  for (size_t i = 0; i < c.from.size(); ++i) {
    v.field(kRecordFields[i].name, c.from[i], any_value(), "", kRecordFields[i].help);
  }
}

void describe(ConfigVisitor& v, DataConfig& c) {
  v.required("path", c.path, any_value(), "",
             "The problems: builtin:chains, builtin:helpful and the other sets of the miniature, or a file of JSON "
             "Lines, which may "
             "be packed (gzip, zstd, xz).");
  v.field("source", c.source, any_value(), "",
          "Where the file comes from, for people: with it, `hone validate` lets the file be absent.");
  v.section("fields", c.fields,
            "Names that the file has for the fields of its records; a name with {{...}} is a text with fields in it.");
  v.field("shuffle", c.shuffle, any_value(), "", "Draws the records of a file in a new order each time around.");
  v.field("split", c.split, any_value(), "", "Part of a built-in set; those of builtin:chains do not overlap.");
  v.field("min_operations", c.min_operations, between(1, 7), "operations", "Shortest chain of builtin:chains.");
  v.field("max_operations", c.max_operations, between(1, 7), "operations", "Longest chain of builtin:chains.");
}

void describe(ConfigVisitor& v, SourceConfig& c) {
  v.required("name", c.name, any_value(), "", "What rewards call it in their `sources`.");
  describe(v, c.data);
  v.field("weight", c.weight, above(0), "", "Its share of a step's prompts, the stage's own data having 1.");
  v.field("from_step", c.from_step, at_least(1), "steps",
          "The first step with its prompts; null for the first of all.");
  v.field("until_step", c.until_step, at_least(1), "steps",
          "The last step with its prompts; null for the last of all.");
}

void describe(ConfigVisitor& v, CorpusConfig& c) {
  v.required("path", c.path, any_value(), "", "The documents: builtin:chains.");
}

}  // namespace hone
