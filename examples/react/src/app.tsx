/** A text field with suggestions. */
import { useState } from 'react';
import { useLanguageModel } from './use-language-model.js';
import { useSuggestions } from './use-suggestions.js';

export function App() {
  const { model, progress, error } = useLanguageModel('./model/');
  const [text, setText] = useState('');
  const suggestions = useSuggestions(model, text, 4);

  if (error) return <p role="alert">{error.message}</p>;
  if (!model) return <progress aria-label="Download of the model" value={progress} />;
  return (
    <>
      <label>
        Your text <input value={text} onChange={(event) => setText(event.target.value)} />
      </label>
      {suggestions.map((word) => (
        <button key={word} type="button" onClick={() => setText(model.accept(text, word))}>
          {word}
        </button>
      ))}
    </>
  );
}
