package vitro;

import java.util.HashMap;
import java.util.Map;

/** --NAME=VALUE of any name; the last counts. */
final class Flags {
    private final Map<String, String> values = new HashMap<>();

    Flags(String[] args) {
        for (String arg : args) {
            String[] parts = arg.replaceFirst("^--", "").split("=", 2);
            values.put(parts[0], parts.length == 2 ? parts[1] : "true");
        }
    }

    String get(String name) {
        return values.getOrDefault(name, "");
    }

    int number(String name) {
        return Integer.parseInt(get(name));
    }

    boolean is(String name) {
        return get(name).equals("true");
    }
}
