// All keys of the view that is shown.

import { useEffect, useRef } from "preact/hooks";
import { bindings } from "../model/keys";
import { panel, viewName } from "../model/state";
import { Icon } from "./icon";

export function Help() {
  const box = useRef<HTMLDivElement>(null);
  const open = panel.value === "help";
  useEffect(() => {
    if (!open) return;
    const was = document.activeElement as HTMLElement | null;
    box.current?.focus();
    return () => was?.focus?.();
  }, [open]);
  if (!open) return null;
  const list = bindings.filter((b) => !b.only || b.only.includes(viewName.value));
  const sections = [...new Set(list.map((b) => b.section))];
  return (
    <div class="overlay" onClick={(e) => e.target === e.currentTarget && (panel.value = "none")}>
      <div
        class="help"
        role="dialog"
        aria-modal="true"
        aria-label="Keys"
        tabIndex={-1}
        ref={box}
        onKeyDown={(e) => {
          if (e.key !== "Tab") return;
          const inside = [...box.current!.querySelectorAll<HTMLElement>("button, [tabindex='0']")];
          const edge = e.shiftKey ? inside[0] : inside[inside.length - 1];
          if (document.activeElement === edge || document.activeElement === box.current) {
            (e.shiftKey ? inside[inside.length - 1] : inside[0])?.focus();
            e.preventDefault();
          }
        }}
      >
        <button class="quiet close" aria-label="Close" onClick={() => (panel.value = "none")}>
          <Icon name="close" />
        </button>
        <h2>Keys</h2>
        <div class="help-columns" tabIndex={0}>
          {sections.map((s) => (
            <section key={s}>
              <h3>{s}</h3>
              <dl>
                {list
                  .filter((b) => b.section === s)
                  .map((b) => (
                    <div key={b.keys.join()}>
                      <dt>
                        {b.keys.map((k) => (
                          <kbd key={k}>{k === " " ? "space" : k}</kbd>
                        ))}
                      </dt>
                      <dd>{b.text}</dd>
                    </div>
                  ))}
              </dl>
            </section>
          ))}
        </div>
      </div>
    </div>
  );
}
