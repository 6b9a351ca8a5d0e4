/* found.c - what a JSON value is, for the end of an error. */
#include "model/found.h"

#include "base/text.h"
#include "model/nearest.h"

#include <stdio.h>

const char *found_describe(const json_t *value, char out[FOUND_MAX])
{
    char quoted[QUOTE_SHORT];
    if (!value)
        return _("none");
    switch (json_typeof(value)) {
    case JSON_INTEGER:
        snprintf(out, FOUND_MAX, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        break;
    case JSON_REAL:
        snprintf(out, FOUND_MAX, "%g", json_real_value(value));
        break;
    case JSON_STRING:
        snprintf(out, FOUND_MAX, "%s", quote_short(json_string_value(value), json_string_length(value), quoted));
        break;
    case JSON_ARRAY:
        return _("an array");
    case JSON_OBJECT:
        return _("an object");
    case JSON_TRUE:
        return "true";
    case JSON_FALSE:
        return "false";
    default:
        return "null";
    }
    return out;
}
